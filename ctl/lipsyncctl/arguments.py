"""What may be typed after `lipsyncctl`."""

from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence

from lipsyncd import __version__

DESCRIPTION = "Hands jobs to lipsyncd, follows them, and fetches their results."
EXIT_CODES = """\
exit codes of run and wait:
  0 succeeded, 1 failed, 3 cancelled or expired, 4 quarantined, 65 the face or the voice is at fault
of health:
  0 ready, 1 alive but not ready, 2 no answer
of every verb:
  2 wrong usage, 5 no such job, 6 the queue is full or closing, 7 no daemon, 9 not permitted,
  70 a fault of the daemon, 74 no room on the disk, 76 versions differ, 130 interrupted
"""
VERBS = {
    "run": "render a face with a voice and write the result",
    "submit": "hand in a job for each face, print their ids, and return",
    "list": "the jobs: the user's own, for root all",
    "status": "all about one job",
    "wait": "wait for jobs to end",
    "fetch": "write the result of a job that has succeeded",
    "cancel": "stop jobs; they leave no result",
    "health": "whether the daemon is ready",
    "info": "what the daemon is made of",
    "reload": "have the daemon read its configuration again (for root)",
    "logs": "what the journal tells of one job",
}


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
    add_files(verbs)
    add_jobs(verbs)
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
    """What goes in, how it is rendered, where the result goes."""
    verbs["run"].add_argument("face", metavar="FACE", help="a video or a still of a face")
    verbs["submit"].add_argument("faces", metavar="FACE", nargs="+", help="a video or a still")
    for name in ("run", "submit"):
        text = "the speech, a sound file"
        verbs[name].add_argument("-a", "--voice", metavar="VOICE", required=True, help=text)
        add_render_options(verbs[name])
    for name in ("run", "wait", "fetch"):
        text = "where the result is written" + (" (of a single job)" if name == "wait" else "")
        required = name != "wait"
        verbs[name].add_argument("-o", "--output", metavar="OUT", required=required, help=text)


def add_jobs(verbs: dict[str, ArgumentParser]) -> None:
    """Which jobs are meant."""
    for name in ("wait", "cancel"):
        verbs[name].add_argument("jobs", metavar="ID", nargs="+")
    for name in ("status", "fetch", "logs"):
        verbs[name].add_argument("job", metavar="ID")


def add_render_options(verb: ArgumentParser) -> None:
    """Their defaults are the daemon's, so none are named here."""
    group = verb.add_argument_group("how it is rendered")
    text = "how the mouth is put into the frame: with soft edges, or as the whole box"
    group.add_argument("--blend", choices=("soft", "box"), help=text)
    text = "how a video that is shorter than the voice goes on: back and forth, or anew"
    group.add_argument("--extend", choices=("pingpong", "loop"), help=text)
    text = "where the face is, in pixels, instead of looking for it: LEFT,TOP,RIGHT,BOTTOM"
    group.add_argument("--box", metavar="L,T,R,B", type=box, help=text)
    text = "quality of the result, from 0 (best, largest) to 51"
    group.add_argument("--crf", metavar="N", type=int, help=text)


def box(text: str) -> list[int]:
    """The four edges in LEFT,TOP,RIGHT,BOTTOM; whether they enclose anything the daemon judges."""
    try:
        left, top, right, bottom = map(int, text.split(","))
    except ValueError:
        raise ArgumentTypeError(f"{text} is not LEFT,TOP,RIGHT,BOTTOM") from None
    return [left, top, right, bottom]
