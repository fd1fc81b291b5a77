"""How many columns of a terminal a text takes, and texts of so many columns."""

from unicodedata import combining, east_asian_width

ELLIPSIS = "…"


def cells(char: str) -> int:
    """0 for an accent over the character before, 2 for a wide one, 1 for others."""
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """The columns that a text takes."""
    return sum(map(cells, text))


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
