"""The tables of daemon/PROTOCOL.md, as a reader sees them."""

import re

from support.paths import ROOT

PAGE = ROOT / "daemon/PROTOCOL.md"
TABLE = r"(?:^\|.*\n)+"

Row = dict[str, str]


def text() -> str:
    """All of it."""
    return PAGE.read_text(encoding="utf-8")


def tables(*columns: str) -> list[Row]:
    """The rows of all tables whose first columns have these names."""
    found = [rows(block) for block in re.findall(TABLE, text(), re.MULTILINE)]
    fitting = [each for each in found if tuple(each[0])[: len(columns)] == columns]
    assert fitting, f"the page has no table of {columns}"
    return sum(fitting, [])


def rows(block: str) -> list[Row]:
    """The rows of a table, by the names of its columns."""
    head, _, *found = [cells(line) for line in block.splitlines()]
    return [dict(zip(head, row, strict=True)) for row in found]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def names(text: str) -> list[str]:
    """What is in code quotes."""
    return re.findall(r"`([^`]+)`", text)


def name(text: str) -> str:
    """The only thing in code quotes."""
    (found,) = names(text)
    return found


NUMBER = r"(?<!\d)-?\d+(?:\.\d+)?"


def numbers(text: str) -> list[float]:
    """All numbers in it."""
    return [float(each) for each in re.findall(NUMBER, text)]


def section(title: str) -> list[Row]:
    """The rows of the first table under this heading."""
    after = re.split(rf"^#+ {re.escape(title)}\n", text(), flags=re.MULTILINE)[1]
    return rows(re.findall(TABLE, after, re.MULTILINE)[0])


def fits(value: object, kind: str) -> bool:
    """Whether a value is of a type as the page names it."""
    kinds = kind.replace("true or false", "boolean").split(" or ")
    return any(type(value) in TYPES[each] for each in kinds)


TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "whole number": (int,),
    "number": (float, int),
    "boolean": (bool,),
    "map": (dict,),
    "array": (list,),
    "null": (type(None),),
}
