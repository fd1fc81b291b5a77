"""A manifest: a job in each row, as CSV with a heading or as JSON lines, a file or stdin.

    face,voice,output,crf
    anna.mp4,hello.wav,out/anna.mp4,20

    {"face": "two.mp4", "voice": ["a.wav", "b.wav"], "who": ["left", "right"], "key": "two"}

The columns are `face`, `voice`, `output` and the options of `submit` by their names. What a row
does not say is as on the command line.
"""

import csv
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import fields
from typing import NoReturn

from lipsyncctl.verbs.choices import OPTIONS, TERMS
from lipsyncctl.verbs.verb import DASH
from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.choices import name_of
from lipsyncd.protocol.options import Options

NO, YES = {"no", "false", "0"}, {"yes", "true", "1"}  # in a column of an option like --keep
FLAGS = {name_of(each.name) for each in fields(Options) if each.type is bool}
SURPLUS = ""  # the column of what is beyond the heading
HINT = "Correct the manifest; `lipsyncctl submit --help` tells of options."

Row = Mapping[str, object]


class RowParser(ArgumentParser):
    """Reads a row as if it had been typed."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("--face", dest="faces", action="append", required=True)
        self.add_argument("--voice", dest="voices", action="append", required=True)
        self.add_argument("--output")
        for add in (OPTIONS, TERMS):
            add(self)

    def error(self, message: str) -> NoReturn:
        """Whoever reads the file knows where that was."""
        raise ValueError(message.replace("argument --", ""))


def rows(name: str, typed: Namespace) -> list[Namespace]:
    """What each row says, beside what was typed for all of them.

    Raises InvalidRequest for what is no manifest, or cannot be read.
    """
    parser, found = RowParser(), []
    for number, row in numbered(name):
        try:
            found.append(read(parser, mapped(row), typed))
        except ValueError as error:
            raise InvalidRequest(f"{name}, line {number}: {error}.", HINT) from error
    if not found:
        raise InvalidRequest(f"{name} has no jobs in it.", HINT)
    return found


def numbered(name: str) -> Iterator[tuple[int, Row | str]]:
    """Each row with the number of its line: what CSV has under its heading, or a line of JSON."""
    try:
        with nullcontext(sys.stdin) if name == DASH else open(name, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise InvalidRequest(f"{name} cannot be read: {why}.", HINT) from error
    if next((line for line in lines if line.strip()), "").lstrip().startswith("{"):
        yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        return
    reader = csv.DictReader(lines, restkey=SURPLUS, skipinitialspace=True)
    for row in reader:
        yield reader.line_num, row


def mapped(row: Row | str) -> Row:
    """By column.  Raises ValueError for a line that is no object of JSON, or a row too long."""
    if isinstance(row, str):
        found = json.loads(row)
        if not isinstance(found, dict):
            raise ValueError("it is no object of JSON")
        return found
    if SURPLUS in row:
        raise ValueError("it has more columns than the heading")
    return row


def read(parser: RowParser, row: Row, typed: Namespace) -> Namespace:
    """The arguments in a row, which come before those that were typed.  Raises ValueError."""
    given = {name.strip(): value for name, value in row.items() if value not in (None, "", [])}
    words = [word for name, value in given.items() for word in words_of(name, value)]
    fields_of = {name.replace("-", "_") for name in given}
    common = {name: it for name, it in vars(typed).items() if name_of(name) not in fields_of}
    return parser.parse_args(words, Namespace(**common | {"faces": None, "voices": None}))


def words_of(name: str, value: object) -> list[str]:
    """As it would be typed."""
    if name.replace("-", "_") in FLAGS and str(value).lower() in NO | YES:
        return [f"--{'no-' if str(value).lower() in NO else ''}{name}"]
    each = value if isinstance(value, list) else [value]
    return [f"--{name.replace('_', '-')}={one}" for one in each]
