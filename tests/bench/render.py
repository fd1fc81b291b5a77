"""What a render costs: `make bench`, or `PYTHONPATH=tests python tests/bench/render.py`.

A daemon on the CPU and the library that the command line is made of.  Each case (cases.py) is a
JSON line on stdout and a row on stderr; at the end comes what has moved against the baseline.
REFERENCE=path to a checkout of the original Wav2Lip runs it beside, in turns.
"""

import argparse
import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from baseline import known, moved, ratios_of, write
from cases import CASES, LONG, USUAL, Case, can_run
from commands import command_figures, full_store
from measuring import Figures, case_figures, start_parts
from prediction import can_predict, elsewhere, predicted
from reference import compared
from service import daemon
from table import tell, tell_case, tell_figures, tell_head


def measured(cases: Iterable[Case], runs: int) -> Mapping[str, Figures]:
    """Each case's figures by its name, told as they come; cases of one daemon follow each other."""
    found: dict[str, Figures] = {"commands": commands()}
    for toml, group in groupby(cases, key=lambda case: case.toml):
        with daemon(toml) as fresh:
            start = start_parts(fresh)
            if "start" not in found:
                found["start"] = start
                tell_figures("start", start, "s")
                tell_head()
            for case in group:
                found[case.name] = case_figures(fresh, case, runs)
                tell_case(case, found[case.name])
    return found


def commands() -> Figures:
    """What verbs take, of a daemon that knows many jobs."""
    with daemon(USUAL.toml, full_store) as fresh:
        fresh.wait_until_ready()
        figures = command_figures(fresh)
    tell_figures("commands", figures, "x")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what a render costs.")
    names = {case.name: case for case in (*CASES, LONG)}
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of: {'; '.join(names)}")
    parser.add_argument("--runs", type=int, default=3, help="of each case, for their medians")
    parser.add_argument("--keep", action="store_true", help="what is found is the baseline")
    asked = parser.parse_args()
    if unknown := [name for name in asked.cases if name not in names]:
        parser.error(f"there is no case {unknown[0]!r}")
    wanted = [names[name] for name in asked.cases if name != USUAL.name]
    found = measured([USUAL, *wanted] if asked.cases else filter(can_run, CASES), asked.runs)
    if can_predict(found):
        tell_figures("predictions", predicted(found), "x")
        tell_figures("elsewhere", elsewhere(found), "fps")
    ratios = ratios_of(found)
    if not known():
        tell("There is no baseline yet: --keep makes one.")
    for sentence in moved(ratios):
        tell(f"moved: {sentence}")
    if asked.keep:
        write(ratios)
    if reference := os.environ.get("REFERENCE"):
        tell_figures("reference", compared(Path(reference)), "x")


if __name__ == "__main__":
    main()
