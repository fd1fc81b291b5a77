"""Notices on stderr: what is worth knowing beside an answer, a line each."""

from lipsyncctl.show.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Notices:
    """Lines that stay."""

    def __init__(self, stream: "TextIO") -> None:
        self.stream = stream

    def notice(self, words: str) -> None:
        """A sentence of ours."""
        self.write(f"lipsyncctl: {printable(words)}\n")

    def write(self, text: str) -> None:
        """Everything goes out at once, or it would be shown late."""
        self.stream.write(text)
        self.stream.flush()
