"""What the user wants to be run when a job has ended: by this client, never by the daemon."""

import os
import sys
from typing import Any

from lipsyncctl.client.fetch import Place
from lipsyncctl.client.job import Job
from lipsyncctl.show.console import Console
from lipsyncctl.verbs.verb import argument

ON_FINISH = argument(
    "--on-finish",
    metavar="COMMAND",
    help="run this by sh when a job has ended, however it did, with $LIPSYNC_JOB, $LIPSYNC_STATE, "
    "$LIPSYNC_FACE, $LIPSYNC_VOICE and, if it is there, the result's path as $LIPSYNC_OUTPUT",
)


def finish(console: Console, command: str | None, job: Job, place: Place | None) -> None:
    """Returns when the command has ended; that it went wrong is told, and costs nobody anything."""
    if not command:
        return
    import subprocess  # noqa: PLC0415  # seldom wanted

    path = place.path if place and job.state == "succeeded" else None
    told = {"JOB": job.id, "STATE": job.state, "FACE": job.face, "VOICE": job.voice}
    told |= {"OUTPUT": os.path.abspath(path)} if path else {}
    environment = os.environ | {f"LIPSYNC_{name}": value for name, value in told.items()}
    how: Any = {"env": environment, "stdin": subprocess.DEVNULL, "stdout": sys.stderr}
    code = subprocess.run(command, shell=True, check=False, **how).returncode
    if code:
        console.notice(f"`{command}` ended with {code}.")
