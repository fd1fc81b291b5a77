"""The baseline: ratios that were measured before, and which of them have moved since."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from cases import USUAL
from measuring import Figures

FILE = Path(__file__).with_suffix(".json")
MOVED = 0.10  # by so much


def ratios_of(found: Mapping[str, Figures]) -> Mapping[str, float]:
    """What is nearly the same on other machines: shares of the floor, each case's time of the
    processor for a job and memory by those of the usual case, and what verbs take."""
    usual = found[USUAL.name]
    ratios = dict(found.get("commands", {}))
    for case, figures in found.items():
        if "share of the floor" in figures:
            ratios[f"{case}: share of the floor"] = figures["share of the floor"]
            for name in ("CPU", "memory") if figures is not usual else ():
                ratios[f"{case}: {name}, by the usual"] = figures[name] / usual[name]
    return ratios


def moved(ratios: Mapping[str, float]) -> Iterator[str]:
    """A sentence on each that is no more what it was."""
    before = known()
    for name, ratio in ratios.items():
        was = before.get(name, ratio)
        if abs(ratio / was - 1) > MOVED:
            yield f"{name}: {was:.2f} before, {ratio:.2f} now ({ratio / was:.2f} x)"


def known() -> dict[str, float]:
    """The baseline."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def write(ratios: Mapping[str, float]) -> None:
    """These are in the baseline from now on, beside those that were not measured."""
    rounded = {name: round(ratio, 3) for name, ratio in sorted((known() | ratios).items())}
    FILE.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
