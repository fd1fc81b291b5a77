"""What may be typed after `lipsyncweb`, and which of it goes together."""

import ipaddress
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from lipsyncd import __version__
from lipsyncd.errors import UsageError

DEFAULT = "127.0.0.1:7860"
NEAR = ["localhost", "127.0.0.1", "[::1]"]  # what a page is called at its own machine
GIB = 1 << 30


def parse(words: Sequence[str] | None = None) -> Namespace:
    """The arguments; exits with 2 and a reason if they are none. Raises UsageError."""
    found = parser().parse_args(words)
    found.hosts = [*NEAR, *found.host]
    found.auth = found.auth and credential(found.auth)
    check(found)
    return found


def parser() -> ArgumentParser:
    """All that may be typed."""
    parser = ArgumentParser(
        prog="lipsyncweb",
        description="The page of lipsyncd: upload, watch, compare, download.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"%(prog)s {__version__}")
    text = f"where browsers or a proxy connect: HOST:PORT or unix:PATH (default: {DEFAULT})"
    add("--listen", metavar="WHERE", default=DEFAULT, help=text)
    text = "one more name by which browsers call the page, as lipsync.example.org"
    add("--host", metavar="NAME", action="append", default=[], help=text)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", metavar="PATH", help="the daemon's socket")
    text = "a farm instead of one daemon: its name, or the path of its farm.toml"
    where.add_argument("--farm", metavar="NAME", help=text)
    who = parser.add_mutually_exclusive_group()
    text = "a file with a line NAME:HASH for each user, or the name of a credential of systemd's"
    who.add_argument("--auth", metavar="FILE", type=Path, help=text)
    text = "the header in which a proxy on this machine says who the user is"
    who.add_argument("--trust-header", metavar="NAME", help=text)
    text = "a user who may drain the queue and see the service"
    add("--admin", metavar="NAME", action="append", default=[], help=text)
    text = "where uploads lie until they are handed over (default: $CACHE_DIRECTORY)"
    add("--folder", metavar="DIR", type=Path, help=text)
    text = "what all uploads together may take, in GiB (default: 16)"
    add("--room", metavar="GIB", type=float, default=16.0, help=text)
    text = "what one upload may have, in GiB (default: 4)"
    add("--largest", metavar="GIB", type=float, default=4.0, help=text)
    text = "ask for a password, print the line of --auth for a user, and end"
    add("--password", metavar="NAME", help=text)
    return parser


def check(found: Namespace) -> None:
    """Raises UsageError where somebody could be let in who is nobody."""
    if found.listen.startswith("unix:"):
        return
    host, colon, port = found.listen.rpartition(":")
    if not (colon and port.isdecimal() and int(port) < 1 << 16):
        raise UsageError(f"{found.listen} is no HOST:PORT.", f"Write --listen {DEFAULT}.")
    refuse_strangers(found, host)


def refuse_strangers(found: Namespace, host: str) -> None:
    """Raises UsageError for an address at which others could come, unless they have to log in."""
    if is_near(host):
        return
    if found.trust_header:
        raise UsageError(
            f"At {host} anybody could send the header {found.trust_header}.",
            "Let the proxy connect to a socket: --listen unix:PATH, or to 127.0.0.1.",
        )
    if not found.auth:
        raise UsageError(
            f"At {host} everybody on the network could use the page.",
            "Name a file of passwords with --auth, or listen at 127.0.0.1.",
        )


def credential(path: Path) -> Path:
    """Where systemd has put the file of this name, if it has."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(folder) / path if folder else path
    return given if given.exists() else path


def is_near(host: str) -> bool:
    """Whether only this machine can connect there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
