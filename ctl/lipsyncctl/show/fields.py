"""Names and values in two columns."""

import textwrap
from collections.abc import Mapping
from typing import Any

from lipsyncctl.show.wording import printable


def fields(parts: Mapping[str, object], room: int | None = None) -> str:
    """Names and values in two columns, without those that say nothing.

    In `room` columns, if that is said: what is too long goes on below its beginning.
    """
    shown = {name: printable(value) for name, value in parts.items() if value not in (None, "")}
    width = max(map(len, shown), default=0)
    lines = [f"{name:{width}}  {value}" for name, value in shown.items()]
    return "\n".join(lines if room is None else [hung(line, width + 2, room) for line in lines])


def hung(line: str, indent: int, room: int) -> str:
    """A line that is too long goes on so far to the right; a word that does not fit stays whole."""
    whole: Any = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(line, max(room, indent + 20), subsequent_indent=" " * indent, **whole)
