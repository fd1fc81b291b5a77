"""The table: rows for people on stderr, a JSON line for each case on stdout."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cases import Case
from measuring import Figures
from support.paths import ROOT

COLUMNS = {  # of the rows of cases: what is shown, and how
    "seconds": "{:.1f} s",
    "fps": "{:.1f} fps",
    "to the first frame": "{:.2f} s",
    "CPU": "{:.2f} s",
    "CPU, generator": "{:.2f} s",
    "CPU, renders": "{:.2f} s",
    "memory": "{:.0f} MiB",
    "share of the floor": "{:.2f}",
}
WIDTH = 20


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str


def tell_head() -> None:
    tell(f"{'':30}" + "".join(f"{name:>{WIDTH}}" for name in COLUMNS))


def tell_case(case: Case, figures: Figures) -> None:
    """One row."""
    cells = (form.format(figures[name]) for name, form in COLUMNS.items())
    tell(f"{case.name:30}" + "".join(f"{cell:>{WIDTH}}" for cell in cells))
    print_line(case.name, asdict(case), figures)


def tell_figures(name: str, figures: Figures, unit: str) -> None:
    """One row for each."""
    for each, value in figures.items():
        tell(f"{each:48}{value:>{WIDTH - len(unit) - 1}.2f} {unit}")
    print_line(name, {}, figures)


def print_line(name: str, case: Mapping[str, object], figures: Figures) -> None:
    """As JSON, with what it was measured on."""
    figures = {each: round(value, 4) for each, value in figures.items()}
    print(json.dumps({"case": name, **case, "figures": figures, **measured_on()}), flush=True)


def measured_on() -> dict[str, object]:
    """The commit, with a + if the files are others, and the machine."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = found[1] if found else platform.machine()
    return {"commit": said.stdout.strip(), "processor": processor, "cores": os.cpu_count()}


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
