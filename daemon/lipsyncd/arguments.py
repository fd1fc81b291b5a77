"""What may be typed after `lipsyncd`."""

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from lipsyncd import __version__
from lipsyncd.config import Config, Source
from lipsyncd.errors import UsageError


class _Parser(argparse.ArgumentParser):
    """Misuse is an error like any other."""

    def error(self, message: str) -> Never:
        raise UsageError(f"lipsyncd was called wrongly: {message}.", "See lipsyncd --help.")


def parse(words: Sequence[str]) -> Source:
    """Where the configuration comes from; raises UsageError."""
    chosen = vars(parser().parse_args(words))
    path = chosen.pop("config")
    return Source(path, {name: value for name, value in chosen.items() if value is not None})


def parser() -> argparse.ArgumentParser:
    """What may be typed, and its help."""
    parser = _Parser(prog="lipsyncd", description="Keeps lip-sync models ready and renders.")
    parser.add_argument("--config", metavar="FILE", type=Path, help="a TOML file; none: defaults")
    parser.add_argument("--device", metavar="DEVICE", type=device, help="auto, cpu, or cuda:N")
    parser.add_argument("--socket", metavar="PATH", help="where clients connect")
    parser.add_argument("--state", metavar="DIR", help="the queue, the history and the spool")
    parser.add_argument("--version", action="version", version=f"lipsyncd {__version__}")
    return parser


def command(source: Source, config: Config) -> str:
    """What starts a daemon with the same configuration, state and socket, from any folder."""
    words = ["--config", str(source.path.absolute())] if source.path else []
    words += ["--device", str(source.overrides["device"])] if "device" in source.overrides else []
    places = ["--socket", str(config.socket.absolute()), "--state", str(config.state.absolute())]
    return shlex.join([*program(), *words, *places])


def program() -> list[str]:
    """How this program was called, as far as another shell would find it."""
    called = os.path.abspath(sys.argv[0])
    if os.path.basename(called) == "__main__.py":
        return [sys.executable, "-m", "lipsyncd"]
    found = shutil.which("lipsyncd")
    return ["lipsyncd"] if found and os.path.samefile(found, called) else [called]


def device(name: str) -> str:
    """cuda:0 for cuda0 as well, which is how an instance of the unit is called."""
    return re.sub(r"^cuda(\d+)$", r"cuda:\1", name)
