"""What may be typed after `lipsyncfarm-worker`."""

import os
from argparse import ArgumentParser
from pathlib import Path

from lipsyncd import __version__

DESCRIPTION = (
    "Brings jobs of a farm to the lipsyncd of this host: it takes one when the daemon has room, "
    "renders nothing itself, and at its start goes on with what its host holds."
)
EXIT_CODES = """\
0 it was told to stop, 2 wrong usage, 7 Redis does not answer, 9 Redis or the store refuses it,
  74 a disk is full or broken, 75 its state is another worker's, or it has to be started anew,
  78 no usable configuration
"""


def parser() -> ArgumentParser:
    """All of it, and its help."""
    parser = ArgumentParser(
        prog="lipsyncfarm-worker",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    text = "the farm's name, or the path of its farm.toml (default: farm)"
    parser.add_argument("--farm", metavar="NAME", default="farm", help=text)
    parser.add_argument("--socket", metavar="PATH", help="the daemon's socket")
    text = "where it keeps which jobs it holds (default: $STATE_DIRECTORY)"
    parser.add_argument("--state", metavar="DIR", type=Path, default=folder_of("STATE"), help=text)
    text = "where inputs are kept (default: $CACHE_DIRECTORY)"
    parser.add_argument("--cache", metavar="DIR", type=Path, default=folder_of("CACHE"), help=text)
    text = "print the token of a user and end; it takes the farm's key"
    parser.add_argument("--token", metavar="USER", help=text)
    return parser


def folder_of(kind: str) -> Path | None:
    """Where systemd says that something goes."""
    given = os.environ.get(f"{kind}_DIRECTORY")
    return Path(given) if given else None
