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

A verb takes little time, for it imports only what it needs: `verbs` is a table of names, and a file
is imported when one of its verbs is typed. What of that most runs do without is imported by the
function that does not, and says so; annotations alone import no `typing`.
"""

from importlib import import_module

TYPE_CHECKING = False  # as type checkers know it; `typing` takes longer than a verb may
if TYPE_CHECKING:
    from lipsyncctl.client.client import Client
    from lipsyncctl.client.deadline import TimeIsUp
    from lipsyncctl.client.event import Event
    from lipsyncctl.client.job import Job
    from lipsyncctl.client.submit import AcceptanceUnknown

__all__ = ["AcceptanceUnknown", "Client", "Event", "Job", "TimeIsUp"]
HOMES = {
    "AcceptanceUnknown": "submit",
    "Client": "client",
    "Event": "event",
    "Job": "job",
    "TimeIsUp": "deadline",
}


def __getattr__(name: str) -> object:
    """The classes of the library, each imported when it is first asked for."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"lipsyncctl.client.{HOMES[name]}"), name)
