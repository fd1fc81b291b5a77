"""Rows in columns, however wide the characters are."""

from unicodedata import category, east_asian_width

GAP = "  "
ELLIPSIS = "…"

Widths = dict[str, int]  # columns of the terminal by heading


def line(row: dict[str, str], widths: Widths) -> str:
    """One row, as wide as all."""
    return GAP.join(fill(cut(row[name], size), size) for name, size in widths.items()).rstrip()


def cells(char: str) -> int:
    """0 for a mark on the character before, 2 for a wide one, 1 for others."""
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
