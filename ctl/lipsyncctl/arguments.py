"""What may be typed after `lipsyncctl`."""

import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from lipsyncctl.verbs import VERBS, find
from lipsyncd import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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


class Formatter(RawDescriptionHelpFormatter):
    """As wide as argparse makes it, without importing all that `shutil` needs to look."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=terminal_columns() - 2)


class VerbParser(ArgumentParser):
    """What a verb does not know is refused with the usage of this verb, not of all."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        """Leaves nothing to the parser of all verbs."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def parse(words: Sequence[str] | None = None) -> Namespace:
    """The arguments; exits with 2 and a reason if they are none, with 0 after help."""
    typed = sys.argv[1:] if words is None else words
    return parser(typed).parse_args(typed)


def parser(typed: Sequence[str] | None = None) -> ArgumentParser:
    """All verbs, with what may be typed after them; of verbs that are not `typed` only the name,
    and if a verb is the first word not even that."""
    parser = ArgumentParser(
        prog="lipsyncctl",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add_common(parser, None, False)
    how: Any = {"dest": "verb", "metavar": "VERB", "required": True, "prog": "lipsyncctl"}
    subparsers = parser.add_subparsers(parser_class=VerbParser, **how)
    for name in typed[:1] if typed and typed[0] in VERBS else VERBS:
        text = VERBS[name]
        is_typed = typed is None or name in typed
        how = {"description": text, "formatter_class": Formatter, "allow_abbrev": False}
        own = subparsers.add_parser(name, help=text, add_help=is_typed, **how)
        if is_typed:
            # SUPPRESS: what was said before the verb holds unless it is said again after it
            add_common(own, SUPPRESS, SUPPRESS)
            for add in find(name).arguments:
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


def terminal_columns() -> int:
    """$COLUMNS, else the width of the terminal on stdout, else 80."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size().columns or 80
    except OSError:
        return 80
