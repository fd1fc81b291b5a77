"""What may be typed after `lipsyncctl`."""

import re
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence

from lipsyncctl.client.key import typed_key
from lipsyncctl.verbs.typed import seconds_of
from lipsyncd import __version__
from lipsyncd.jobs.options import BLENDS, EXTENDS, Priority

DESCRIPTION = "Hands jobs to lipsyncd, follows them, and fetches their results."
EXIT_CODES = """\
exit codes of run, wait and follow, which are those of the job:
  0 succeeded, 1 failed, 3 cancelled or expired, 4 quarantined, 65 the face or voice is at fault;
  of several jobs the first that is not 0; 124 the time of `wait --timeout` was up
of health:
  0 ready, 1 alive, but not ready or its queue is paused, 2 no answer
of every verb:
  1 the job is not in a state for it or nothing is left of what was asked for, 2 wrong usage,
  5 no such job, 6 the queue is full or drained (later it may work), 7 no daemon, 9 not permitted,
  66 no usable checkpoint, 70 a fault of the daemon, 74 a disk is full or broken, 76 versions
  differ, 78 no usable configuration, 130 Ctrl-C
"""
VERBS = {
    "run": "render a face with a voice and write the result",
    "submit": "hand in a job for each face, print their ids, and return",
    "list": "the jobs, the newest last: the user's own, for admins all",
    "status": "all about one job",
    "wait": "wait for jobs to end",
    "follow": "tell each change of a job's state as it happens",
    "fetch": "write the result of a job that has succeeded",
    "cancel": "stop jobs; they leave no result",
    "retry": "render jobs anew that failed or were quarantined, and print the new ids",
    "clean": "remove jobs that have ended, with their results",
    "health": "whether the daemon is ready",
    "info": "what the daemon is made of",
    "drain": "take no more jobs and start none, until `resume` (for admins)",
    "resume": "take and start jobs again (for admins)",
    "reload": "have the daemon read its configuration again (for root)",
    "logs": "what the journal tells of one job",
}
NEWEST = 50  # jobs that `list` shows
WHOLE = re.compile(r"-?\d+", re.ASCII)
MAX_DIGITS = 18  # so a message has room for the number


def parse(words: Sequence[str] | None = None) -> Namespace:
    """The arguments; exits with 2 and a reason if they are none, with 0 after help."""
    parser = ArgumentParser(
        prog="lipsyncctl",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add_common(parser, socket=None, json=False)
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verbs = {
        name: subparsers.add_parser(name, help=text, description=text, allow_abbrev=False)
        for name, text in VERBS.items()
    }
    for verb in verbs.values():
        # SUPPRESS: what was said before the verb holds unless it is said again after it
        add_common(verb, socket=SUPPRESS, json=SUPPRESS)
    for add in (add_files, add_jobs, add_past, add_wait, add_drain):
        add(verbs)
    return parser.parse_args(words)


def add_common(parser: ArgumentParser, socket: str | None, json: bool | str) -> None:
    """The options of every verb, with their defaults."""
    text = (
        "the daemon's socket, or a folder with those of several "
        "(default: $LIPSYNCD_SOCKET, the system's, the user's own)"
    )
    parser.add_argument("--socket", metavar="PATH", default=socket, help=text)
    text = "answer with JSON, one object in a line, with the keys of the protocol"
    parser.add_argument("--json", action="store_true", default=json, help=text)


def add_files(verbs: dict[str, ArgumentParser]) -> None:
    """What goes in, how and when it is rendered, where the result goes."""
    verbs["run"].add_argument("face", metavar="FACE", help="a video or a still of a face")
    verbs["submit"].add_argument("faces", metavar="FACE", nargs="+", help="a video or a still")
    for name in ("run", "submit"):
        text = "the speech, a sound file"
        verbs[name].add_argument("-a", "--voice", metavar="VOICE", required=True, help=text)
        add_render_options(verbs[name])
        add_terms(verbs[name])
    for name in ("run", "wait", "fetch"):
        text = "where the result, an MP4, is written"
        if name == "wait":
            text += " (of a single job, or with --any of the first that ends)"
        required = name != "wait"
        verbs[name].add_argument("-o", "--output", metavar="OUT", required=required, help=text)


def add_render_options(verb: ArgumentParser) -> None:
    """Their defaults are the daemon's, so none are named here."""
    group = verb.add_argument_group("how it is rendered")
    text = "how the mouth is put into the frame: with soft edges, or as the whole box"
    group.add_argument("--blend", choices=BLENDS, help=text)
    text = "how a video that is shorter than the voice goes on: back and forth, or anew"
    group.add_argument("--extend", choices=EXTENDS, help=text)
    text = "where the face is, in pixels, instead of looking for it: LEFT,TOP,RIGHT,BOTTOM"
    group.add_argument("--box", metavar="L,T,R,B", type=box, help=text)
    text = "quality of the result, from 0 (best, largest) to 51"
    group.add_argument("--crf", metavar="N", type=whole, help=text)


def add_terms(verb: ArgumentParser) -> None:
    """When it is rendered; the defaults are the daemon's here, too."""
    group = verb.add_argument_group(
        "when it is rendered", "A TIME is typed as 90 or 90s (seconds), 15m, 2h or 1d."
    )
    text = "whose turn it is first; high is for admins"
    group.add_argument("--priority", choices=[str(each) for each in Priority], help=text)
    text = "so long from now the result is of use; a job that has not ended then expires"
    group.add_argument("--expires", metavar="TIME", type=seconds_of, help=text)
    text = "so long the render may take; a job that takes longer expires"
    group.add_argument("--max-runtime", metavar="TIME", type=seconds_of, help=text)
    text = (
        "a name of your choice for this job: however often it is handed in with the same key, "
        "there is one job"
    )
    group.add_argument("--key", metavar="KEY", type=typed_key, help=text)


def add_jobs(verbs: dict[str, ArgumentParser]) -> None:
    """Which jobs are meant."""
    for name in ("wait", "cancel", "retry"):
        verbs[name].add_argument("jobs", metavar="ID", nargs="+")
    for name, text in (
        ("clean", "without any, all of the user's own jobs that have ended"),
        ("follow", "ends when these have; without any, all jobs are followed until Ctrl-C"),
    ):
        verbs[name].add_argument("jobs", metavar="ID", nargs="*", help=text)
    for name in ("status", "fetch", "logs"):
        verbs[name].add_argument("job", metavar="ID")


def add_past(verbs: dict[str, ArgumentParser]) -> None:
    """How far back to look."""
    group = verbs["list"].add_mutually_exclusive_group()
    text = f"how many jobs, the newest ones (default: {NEWEST})"
    group.add_argument("--limit", metavar="N", type=count, default=NEWEST, help=text)
    group.add_argument("--all", action="store_true", help="every job that the daemon knows")
    text = "begin after the change with this number, the first one in each line"
    verbs["follow"].add_argument("--since", metavar="N", type=number, help=text)


def add_wait(verbs: dict[str, ArgumentParser]) -> None:
    """How long to wait."""
    group = verbs["wait"].add_mutually_exclusive_group()
    group.add_argument("--all", action="store_true", help="until all jobs have ended (the default)")
    group.add_argument("--any", action="store_true", help="until one has ended, and print its id")
    text = "give up after this time, as 90, 90s, 15m, 2h or 1d, with exit code 124; the jobs go on"
    verbs["wait"].add_argument("--timeout", metavar="TIME", type=seconds_of, help=text)


def add_drain(verbs: dict[str, ArgumentParser]) -> None:
    """Why."""
    text = "why, for those who wait; in a few words"
    verbs["drain"].add_argument("--reason", metavar="TEXT", help=text)


def box(text: str) -> list[int]:
    """The four edges in LEFT,TOP,RIGHT,BOTTOM; whether they enclose anything the daemon judges."""
    try:
        left, top, right, bottom = map(whole, text.split(","))
    except (ValueError, ArgumentTypeError):
        raise ArgumentTypeError(f"{text} is not LEFT,TOP,RIGHT,BOTTOM") from None
    return [left, top, right, bottom]


def whole(text: str) -> int:
    """A whole number that fits into a message."""
    if not WHOLE.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number")
    if len(text) > MAX_DIGITS:
        raise ArgumentTypeError(f"must have at most {MAX_DIGITS} digits")
    return int(text)


def number(text: str) -> int:
    """A whole number from 0."""
    if (found := whole(text)) < 0:
        raise ArgumentTypeError(f"must be 0 or more, not {found}")
    return found


def count(text: str) -> int:
    """A whole number from 1."""
    if (found := whole(text)) < 1:
        raise ArgumentTypeError(f"must be 1 or more, not {found}")
    return found
