"""The way back to jobs from which we went away: the command that goes on where we stopped."""

import shlex
from argparse import Namespace
from collections.abc import Iterable


def way_back(arguments: Namespace, jobs: Iterable[str]) -> str:
    """A `wait` for the jobs, at the socket and for the result that were named."""
    socket = ["--socket", arguments.socket] if arguments.socket else []
    output = getattr(arguments, "output", None)
    result = ["-o", output] if output else []
    return shlex.join(["lipsyncctl", "wait", *socket, *jobs, *result])


def comfort(arguments: Namespace, jobs: Iterable[str]) -> str:
    """What is told when the daemon stays away."""
    command = way_back(arguments, jobs)
    return f"Accepted jobs are safe: `{command}` once the daemon is back."
