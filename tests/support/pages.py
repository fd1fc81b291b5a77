"""What stands in the pages for people: blocks of code, and commands within the text."""

import re
from collections.abc import Iterator

from support.paths import ROOT

README = ROOT / "README.md"
PAGES = (
    README,
    ROOT / "ctl/README.md",
    ROOT / "systemd/README.md",
    ROOT / "systemd/FARM.md",
    ROOT / "systemd/container/README.md",
    ROOT / "systemd/kubernetes/README.md",
    ROOT / "tests/bench/README.md",
    ROOT / "CHANGELOG.md",
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")


def readme_blocks() -> dict[tuple[str, str], str]:
    """Each block of the README, by the heading that it is under and its language."""
    text, found = README.read_text(encoding="utf-8"), {}
    for block in BLOCK.finditer(text):
        *_, heading = re.findall(r"^#+ (.*)", BLOCK.sub("", text[: block.start()]), re.MULTILINE)
        assert (heading, block[1]) not in found, "a test would run one of them alone"
        found[heading, block[1]] = block[2]
    return found


def commands(program: str) -> Iterator[str]:
    """Each command line of this program that a page has, from its name on."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for _, block in BLOCK.findall(text) for line in block.splitlines()]
        for words in (*lines, *SPAN.findall(BLOCK.sub("", text))):
            if found := re.match(rf"[#$]? ?({program} .+)", words):
                yield found[1]
