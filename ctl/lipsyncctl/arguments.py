"""What may be typed after `lipsyncctl`."""

from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from lipsyncctl.verbs import VERBS
from lipsyncd import __version__

DESCRIPTION = "Hands jobs to lipsyncd, follows them, and fetches their results."
EXIT_CODES = """\
exit codes of run, wait and follow, which are those of the job:
  0 succeeded, 1 failed, 3 cancelled or expired, 4 quarantined, 65 the face or voice is at fault;
  of several jobs the first that is not 0; 124 the time of `wait --timeout` was up
of health:
  0 ready, also degraded (on fewer devices), 1 alive, but not ready or its queue is paused,
  2 no answer; with --live 0 alive, 2 no answer; with --started 0 it has been ready in this life,
  1 not yet, 2 no answer
of probe:
  0 a render would begin well, else that of the error that it would end with
of every verb:
  1 the job is not in a state for it or nothing is left of what was asked for, 2 wrong usage,
  5 no such job, 6 the queue is full or drained (later it may work), 7 no daemon, 9 not permitted,
  66 no usable checkpoint, 70 a fault of the daemon, 71 it crashes again and again, 74 a disk is
  full or broken, 76 versions differ, 78 no usable configuration, 130 Ctrl-C
"""


class VerbParser(ArgumentParser):
    """What a verb does not know is refused with the usage of this verb, not of all."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Leaves nothing to the parser of all verbs."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def parse(words: Sequence[str] | None = None) -> Namespace:
    """The arguments; exits with 2 and a reason if they are none, with 0 after help."""
    return parser().parse_args(words)


def parser() -> ArgumentParser:
    """All verbs, with all that may be typed after them."""
    parser = ArgumentParser(
        prog="lipsyncctl",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add_common(parser, None, False)
    how = {"dest": "verb", "metavar": "VERB", "required": True}
    subparsers = parser.add_subparsers(parser_class=VerbParser, **how)
    for verb in VERBS.values():
        own = subparsers.add_parser(
            verb.name, help=verb.text, description=verb.text, allow_abbrev=False
        )
        # SUPPRESS: what was said before the verb holds unless it is said again after it
        add_common(own, SUPPRESS, SUPPRESS)
        for add in verb.arguments:
            add(own)
    return parser


def add_common(parser: ArgumentParser, place: str | None, json: bool | str) -> None:
    """The options of every verb, with their defaults: `place` is that of where the jobs are."""
    where = parser.add_mutually_exclusive_group()
    text = "the daemon's socket (default: $LIPSYNCD_SOCKET, else the system's, else the user's own)"
    where.add_argument("--socket", metavar="PATH", default=place, help=text)
    text = "the hosts of this farm instead of one daemon: its name, or the path of its farm.toml"
    where.add_argument("--farm", metavar="NAME", default=place, help=text)
    text = "answer with JSON, one object in a line, with the keys of the protocol"
    parser.add_argument("--json", action="store_true", default=json, help=text)
