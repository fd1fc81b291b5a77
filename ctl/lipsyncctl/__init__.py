"""lipsyncctl: hands jobs to lipsyncd, follows them, and fetches their results.

It is a library, and a command that uses nothing else to speak with the daemon:

    from lipsyncctl import Client

    with Client() as client:
        job = client.submit("speaker.mp4", "hello.wav")
        client.wait(job.id)
        client.fetch(job.id, "spoken.mp4")

`client` is the library, whose class Client tells the rest. The command's `main` reads the command
line (`arguments`) and calls one of the `verbs`, each in one place with its arguments; what they
answer is put in words by `show`. `manual` makes the manual pages and the completion of shells.
"""

from lipsyncctl.client.client import Client
from lipsyncctl.client.deadline import TimeIsUp
from lipsyncctl.client.job import Event, Job
from lipsyncctl.client.submit import AcceptanceUnknown

__all__ = ["AcceptanceUnknown", "Client", "Event", "Job", "TimeIsUp"]
