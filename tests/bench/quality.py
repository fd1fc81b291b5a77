"""How good pictures are: `make bench-quality`, or `PYTHONPATH=tests python tests/bench/quality.py`.

Every face speaks two sentences in each way of pasting a mouth; a table on stderr says what was
measured, and each figure is a JSON line on stdout.  `--before FILE` adds the soft blend with
another generator, `--faces N` takes the first N only.  With two cores it takes ten minutes.
"""

import argparse
import json
import os
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from support.paths import TALKERS
from support.quality.faces import Subject, subjects
from support.quality.identity import fetch
from support.quality.trial import REAL, Values, Way, trial
from support.quality.voices import voices
from table import Figure, tell

from lipsyncd.errors import InputError

GROUPS = "studio", "strangers"
ROWS = {
    "sync": "the expert's cosine of lips and voice",
    "far sync": "the same, 8 to 12 frames off",
    "right offset": "sync is best within a frame of 0 (share)",
    "follows": "correlation of openness and loudness",
    "opens": "openness in the widest tenth of spoken frames",
    "lips meet": "closed within 80 ms of a /p/, /b/, /m/ (share)",
    "meet anyway": "closed within 80 ms of any spoken moment (share)",
    "leak": "open where nobody speaks (share)",
    "sharpness": "detail at the mouth; 1 is the source's",
    "skin": "the same without what is between lips",
    "colour": "lips and chin from the source's, CIEDE2000",
    "tint": "the same at equal lightness",
    "moved colour": "lips and chin, of open mouths from closed ones",
    "seam": "gradients where the mask ends; 1 is the source's",
    "flicker": "of skin around the mouth; 1 is the source's",
    "identity": "cosine of the person; of two people it is < 0.36",
}
SHARES = "right offset", "lips meet", "meet anyway", "leak"  # of which means are told

Trials = list[tuple[Subject, dict[str, Values]]]


def ways(before: Path | None) -> list[Way]:
    """What is compared."""
    shipped = [Way(blend, blend=blend) for blend in ("soft", "transfer")]
    return shipped if before is None else [Way("before", before, "soft"), *shipped]


def trials(faces: list[Subject], compared: list[Way], workers: int) -> Trials:
    """Each face in a process of its own, as many at a time as there are cores."""
    spoken, done = voices(), []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        asked = {pool.submit(trial, face, spoken, compared): face for face in faces}
        for each in as_completed(asked):
            face = asked[each]
            try:
                done.append((face, each.result()))
            except InputError as error:
                tell(f"{face.name} cannot be rendered: {error}")
            else:
                tell(f"{face.name} is measured, {len(done)} of {len(faces)}")
    return done


def figures(done: Trials, names: list[str]) -> Iterator[tuple[str, str, str, Figure]]:
    """Group, way, row, and its figure; none where nothing could be measured."""
    for group in GROUPS:
        of_group = [values for face, values in done if face.group == group]
        for name in names:
            for row in ROWS:
                all_voices = [values.get(name, {}).get(row) for values in of_group]
                each = [statistics.fmean(found) for found in all_voices if found]
                if each:
                    middle = statistics.fmean if row in SHARES else statistics.median
                    words = f"{group}, {name}: {row}"
                    yield group, name, row, Figure(words, round(middle(each), 4), "")


def show(done: Trials, names: list[str]) -> None:
    """The table, and the figures."""
    cells = {}
    for group, name, row, figure in figures(done, names):
        cells[group, name, row] = f"{figure.value:.3f}"
        print(json.dumps(asdict(figure)), flush=True)
    for group in GROUPS:
        count = sum(face.group == group for face, _ in done)
        tell(f"\n{f'{group}, {count} faces':62}" + "".join(f"{name:>10}" for name in names))
        for row, words in ROWS.items():
            found = [cells.get((group, name, row), "-") for name in names]
            tell(f"{row:14}{words:48}" + "".join(f"{cell:>10}" for cell in found))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures how good the pictures are.")
    parser.add_argument("--before", type=Path, help="a generator to compare with, pasted softly")
    parser.add_argument("--faces", type=int, help="so many of them; else all")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    faces, compared = subjects()[: asked.faces], ways(asked.before)
    if not any(face.group == "studio" for face in faces):
        tell(f"{TALKERS} has no clips of the GRID corpus: there are no talkers of the studio.")
    fetch()
    done = trials(faces, compared, asked.workers)
    show(done, [REAL, *(way.name for way in compared)])


if __name__ == "__main__":
    main()
