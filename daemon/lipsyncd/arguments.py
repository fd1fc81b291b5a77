"""What may be typed after `lipsyncd`."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from lipsyncd import __version__
from lipsyncd.config import Source
from lipsyncd.errors import UsageError


class _Parser(argparse.ArgumentParser):
    """Misuse is an error like any other."""

    def error(self, message: str) -> Never:
        raise UsageError(f"lipsyncd was called wrongly: {message}.", "See lipsyncd --help.")


def parse(words: Sequence[str]) -> Source:
    """Where the configuration comes from; raises UsageError."""
    parser = _Parser(prog="lipsyncd", description="Keeps lip-sync models ready and renders.")
    parser.add_argument("--config", metavar="FILE", type=Path, help="a TOML file; none: defaults")
    parser.add_argument("--device", metavar="DEVICE", type=device, help="auto, cpu, or cuda:N")
    parser.add_argument("--socket", metavar="PATH", help="where clients connect")
    parser.add_argument("--state", metavar="DIR", help="the queue, the history and the spool")
    parser.add_argument("--version", action="version", version=f"lipsyncd {__version__}")
    chosen = vars(parser.parse_args(words))
    path = chosen.pop("config")
    return Source(path, {name: value for name, value in chosen.items() if value is not None})


def device(name: str) -> str:
    """cuda:0 for cuda0 as well, which is how an instance of the unit is called."""
    return re.sub(r"^cuda(\d+)$", r"cuda:\1", name)
