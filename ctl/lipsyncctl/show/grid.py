"""Texts in columns, however wide the characters are.

It works column by column, for a table may have ten thousand rows, most of which are plain text.
"""

from collections.abc import Iterable, Mapping, Sequence

GAP = "  "
ELLIPSIS = "…"

Widths = dict[str, int]  # columns of the terminal by heading
Texts = Sequence[str]  # one below the other


def headed(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows by heading, below their headings; nothing without any."""
    found = [*rows]
    texts = {name: [name, *(row[name] for row in found)] for name in (found or [{}])[0]}
    return grid(texts, {name: widest(column) for name, column in texts.items()})


def grid(texts: Mapping[str, Texts], widths: Widths) -> str:
    """Columns beside each other, those that have a width and as wide as that."""
    columns = [filled(texts[name], size) for name, size in widths.items()]
    return "\n".join(GAP.join(row).rstrip() for row in zip(*columns, strict=True))


def widest(column: Texts) -> int:
    """The columns that the widest of these texts takes."""
    return max(map(len if is_plain(column) else width, column))


def filled(column: Texts, columns: int) -> Texts:
    """The texts, all so wide: cut, or with spaces behind."""
    if is_plain(column) and max(map(len, column)) <= columns:
        return [text.ljust(columns) for text in column]
    return [fill(cut(text, columns), columns) for text in column]


def is_plain(column: Texts) -> bool:
    """Whether each character takes one column."""
    return "".join(column).isascii()


def cells(char: str) -> int:
    """0 for a mark on the character before, 2 for a wide one, 1 for others."""
    from unicodedata import category, east_asian_width  # noqa: PLC0415  # most texts are plain

    if category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """The columns that a text takes."""
    return len(text) if text.isascii() else sum(map(cells, text))


def cut(text: str, columns: int) -> str:
    """As much of the beginning as fits; a text that is not whole ends in an ellipsis."""
    if width(text) <= columns:
        return text
    kept, left = "", columns - width(ELLIPSIS)
    for char in text:
        left -= cells(char)
        if left < 0:
            break
        kept += char
    return kept + ELLIPSIS


def fill(text: str, columns: int) -> str:
    """The text, with spaces behind it."""
    return text + " " * (columns - width(text))
