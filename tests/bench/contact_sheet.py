"""Contact sheets: `make contact-sheet`, or `PYTHONPATH=tests python tests/bench/contact_sheet.py`.

Six frames of each clip, the source's above the result's: first the faces, then the mouths, four
times as large as they are.  A PNG each comes into .cache/sheets; its path is told on stdout.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from support.checkpoints import SHIPPED, InProcess
from support.media.clips import clip
from support.paths import ROOT, VOICES
from support.quality.footage import Footage, Viewer, part_of
from support.quality.rendered import Settings, models_of, rendered
from table import tell

from lipsyncd.face.warp import gather, in_plane
from lipsyncd.media.voice import examine_voice
from lipsyncd.protocol.options import Options

SHEETS = ROOT / ".cache/sheets"
COLUMNS, SIDE = 6, 300  # frames of a sheet; pixels of a tile
FACE, MOUTH = 1.6, 1.8  # what a tile shows, by the width of the face's box, and of the mouth
LARGER = 4  # times the mouth's own pixels, if all of it is to be seen then


def sheet(source: Footage, result: Footage) -> np.ndarray:
    """(1200, 1800, 3) uint8 BGR."""
    shown = np.flatnonzero(result.shown)
    chosen = shown[np.linspace(3, len(shown) - 4, COLUMNS).round().astype(int).clip(0)]
    rows = []
    for squares in (faces_of(source), mouths_of(source)):
        for footage in (source, result):
            rows.append(np.hstack([tile(footage, at, *squares[at]) for at in chosen]))
    return np.vstack(rows)


def faces_of(footage: Footage) -> list[tuple[np.ndarray, float]]:
    """The middle of each face, and the side of a square that shows it."""
    return [(face.box.middle, FACE * face.box.width) for face in footage.faces]


def mouths_of(footage: Footage) -> list[tuple[np.ndarray, float]]:
    """The same of the mouths."""
    squares = []
    for lips in footage.lips:
        points = np.vstack([lips.upper, lips.lower])
        squares.append((points.mean(axis=0), max(SIDE / LARGER, MOUTH * np.ptp(points[:, 0]))))
    return squares


def tile(footage: Footage, number: int, middle: np.ndarray, side: float) -> np.ndarray:
    """A square of a frame, (300, 300, 3) uint8 BGR."""
    scale, size = side / SIDE, (SIDE, SIDE)
    place = np.column_stack([scale * np.eye(2), middle - scale * (SIDE - 1) / 2])
    planes = zip(footage.frames[number].planes(), (1, 2, 2), strict=True)
    samples = cv2.merge([gather(plane, in_plane(place, each), size) for plane, each in planes])
    return cv2.transform(samples, footage.colour.to_bgr.astype(np.float32))


def written(face: Path, voice: Path, models: InProcess, blend: str) -> Path:
    """Render a face with a voice, as everybody gets it, and write the sheet."""
    viewer, path = Viewer(models), SHEETS / f"{face.stem}-{voice.stem}-{blend}.png"
    seconds: Fraction = examine_voice(voice, voice.name).seconds
    made = path.with_suffix(".mp4")
    rendered(face, voice, made, models=models, options=Options(blend=blend), settings=Settings())
    source = viewer.source(face, seconds)
    result = viewer.result(made, source)
    cv2.imwrite(str(path), sheet(part_of(source, len(result)), result))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows sources and results, frame by frame.")
    parser.add_argument("faces", type=Path, nargs="*", help="videos or stills; else the demo's")
    parser.add_argument("--voice", type=Path, default=VOICES / "harbour.flac")
    parser.add_argument("--blend", choices=("transfer", "soft", "box"), default=Options.blend)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="another generator")
    asked = parser.parse_args()
    SHEETS.mkdir(parents=True, exist_ok=True)
    models = models_of(asked.checkpoint)
    for face in asked.faces or [clip("single_face.mp4")]:
        tell(f"{face.name}, which is rendered, comes above its result.")
        print(written(face, asked.voice, models, asked.blend), flush=True)


if __name__ == "__main__":
    main()
