"""`python -m lipsyncctl.manual CHECKOUT SHARE`: writes all below SHARE, as /usr/local/share."""

import sys
from pathlib import Path

from lipsyncctl.manual.completion import completions
from lipsyncctl.manual.pages import pages


def main(checkout: Path, share: Path) -> None:
    """Every file of the manual, and of completion if shtab is there."""
    for name, content in {**pages(checkout), **completions()}.items():
        path = share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


main(*map(Path, sys.argv[1:]))
