"""The `lipsyncctl` command: reads the command line, calls the verb, ends with its exit code."""

import gc
import os
import sys
from argparse import Namespace

from lipsyncctl.arguments import parse
from lipsyncctl.show.console import Console
from lipsyncctl.verbs import find
from lipsyncctl.verbs.verb import DASH, INTERRUPTED, Verb
from lipsyncd.errors import ConfigInvalid, LipsyncError

SELDOM = 50_000  # objects until garbage is looked for: most verbs end before they make any

TYPE_CHECKING = False  # which client is imported the verb says
if TYPE_CHECKING:
    from lipsyncctl.client.daemon import Daemon


def main() -> int:
    """Every failure ends as one line on stderr and an exit code; none as a traceback."""
    gc.set_threshold(SELDOM)
    arguments = parse()
    verb = find(arguments.verb)
    is_piped = getattr(arguments, "output", None) == DASH
    console = Console(arguments.json, sys.stderr if is_piped else sys.stdout)
    try:
        with client_of(verb, arguments, console) as client:
            return verb(console, client, arguments)
    except LipsyncError as error:
        console.error(error, only_job(arguments))
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our stdout has gone; without this the interpreter fails to flush it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def client_of(verb: Verb, arguments: Namespace, console: Console) -> "Daemon":
    """What the verb asks for, of the daemon or of the farm."""
    if arguments.farm is None:
        return verb.client(arguments.socket, console.notice)
    try:
        from lipsyncfarm.client import FarmClient  # noqa: PLC0415  # an extra
    except ImportError as error:
        hint = "Install it with `pip install 'lipsyncd[farm]'`."
        raise ConfigInvalid(f"A farm needs {error.name}, which is not here.", hint) from error
    return FarmClient(arguments.farm, console.notice)


def only_job(arguments: Namespace) -> str | None:
    """The job that was named, None if there were several or none."""
    jobs = getattr(arguments, "jobs", [getattr(arguments, "job", None)])
    return jobs[0] if len(jobs) == 1 else None
