"""A screen that is drawn again and again in its place, until a key ends it."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

ENTER = "\033[?1049h\033[?25l"  # another screen, without a cursor
LEAVE = "\033[?25h\033[?1049l"
HOME, REST_OF_LINE, BELOW = "\033[H", "\033[K", "\033[J"
END = {"q", "Q", "\x03", "\x04", ""}  # keys; empty: the terminal is gone


def can_draw() -> bool:
    """Whether stdin and stdout are a terminal that moves its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def display() -> Iterator[None]:
    """The terminal is this program's in here, and as it was after it."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        put(ENTER)
        yield
    finally:
        put(LEAVE)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def draw(lines: Sequence[str]) -> None:
    """These, and nothing that was there before."""
    put(HOME + "\n".join(f"{line}{REST_OF_LINE}" for line in lines) + BELOW)


def is_ended(seconds: float) -> bool:
    """Whether a key ends it within this time."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and os.read(sys.stdin.fileno(), 1).decode(errors="replace") in END


def put(text: str) -> None:
    """At once."""
    sys.stdout.write(text)
    sys.stdout.flush()
