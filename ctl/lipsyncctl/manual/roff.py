"""The language of man: text made safe, and Markdown of the kind that our pages are in."""

import os
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from lipsyncd import __version__

INLINE = re.compile(r"`([^`]+)`|\*\*?([^*\s][^*]*)\*\*?|!?\[([^\]]+)\]\([^)]*\)")
ITEM = re.compile(r"(-|\d+\.) +(.*)")
RULE = re.compile(r"\|[-:| ]+\|")


def safe(text: str) -> str:
    """Text that is no request, whatever it begins with, and keeps its dashes."""
    words = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", words, flags=re.MULTILINE)


def inline(text: str) -> str:
    """A paragraph of Markdown: code and what is bold in bold, links by their words."""
    parts, end = [], 0
    for found in INLINE.finditer(text):
        code, bold, link = found.groups()
        parts += [text[end : found.start()], f"\0{code or bold}\1" if code or bold else link]
        end = found.end()
    marked = safe("".join([*parts, text[end:]]))
    return marked.replace("\0", r"\fB").replace("\1", r"\fR")


def head(name: str, section: int, what: str) -> list[str]:
    """How a page begins."""
    made = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH", time.time())), UTC)
    title = f'.TH {name.upper()} {section} "{made:%Y-%m-%d}" "lipsyncd {__version__}" lipsyncd'
    return ["'\\\" t", title, ".ad l", ".SH NAME", f"{safe(name)} \\- {safe(what)}"]


def tagged(tag: str, text: str) -> list[str]:
    """A paragraph below what it explains."""
    return [".TP", rf"\fB{safe(tag)}\fR", safe(" ".join(text.split()))]


def verbatim(text: str) -> list[str]:
    """Lines as they are."""
    return [".PP", ".nf", *safe(text).splitlines(), ".fi"]


def markdown(text: str) -> list[str]:
    """Headings, paragraphs, lists, tables, and code that is indented or fenced."""
    lines: list[str] = []
    for block in blocks(text.splitlines()):
        lines += rendered(block)
    return lines


def blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines that belong together: up to an empty one, or to the end of a fence."""
    block: list[str] = []
    for line in lines:
        is_fenced = bool(block) and block[0].startswith("```")
        if block and ((is_fenced and line.startswith("```")) or (not is_fenced and not line)):
            yield block
            block = []
        elif line or is_fenced:
            block.append(line)
    if block:
        yield block


def rendered(block: list[str]) -> list[str]:
    """One of them."""
    first = block[0]
    if first.startswith("#"):
        level, _, words = first.partition(" ")
        macro = ".SH" if len(level) <= 2 else ".SS"
        return [f"{macro} {inline(words)}", *(rendered(block[1:]) if block[1:] else [])]
    if first.startswith("```"):
        return verbatim("\n".join(block[1:]))
    if first.startswith("    "):
        return verbatim("\n".join(line[4:] for line in block))
    if first.startswith("|"):
        return table(block)
    if ITEM.match(first):
        return items(block)
    return [".PP", inline("\n".join(line.strip() for line in block))]


def items(block: Iterable[str]) -> list[str]:
    """A list."""
    lines: list[str] = []
    for line in block:
        if found := ITEM.match(line):
            mark = r"\(bu" if found[1] == "-" else found[1]
            lines += [f".IP {mark} 4", inline(found[2])]
        else:
            lines.append(inline(line.strip()))
    return lines


def table(block: Iterable[str]) -> list[str]:
    """By tbl, whose last column takes the room that is left."""
    rows = [cells(line) for line in block if not RULE.fullmatch(line)]
    formats = ["l"] * (len(rows[0]) - 1) + ["lx"]
    lines = [".PP", ".TS", " ".join(f"{each}b" for each in formats), " ".join(formats) + "."]
    for row in rows:
        lines.append("\t".join("T{\n" + (inline(cell) or r"\&") + "\nT}" for cell in row))
    return [*lines, ".TE"]


def cells(line: str) -> list[str]:
    """Those of a row; a bar may be in one, behind a backslash."""
    return [each.strip().replace(r"\|", "|") for each in re.split(r"(?<!\\)\|", line)[1:-1]]
