"""Where a checkpoint hears best: `PYTHONPATH=tests python tests/bench/offset.py [CLIP ...]`.

Each face speaks a sentence with its windows begun -3 to 3 frames beside the checkpoint's
`mel_offset_frames`, and the sync expert says how well lips and voice go together.  A clip with a
sound of its own tells first how the expert judges what was filmed: its own offset.  Pictures and
clips of 25 frames a second are of use, as others have frames between those that the expert sees.
The table goes to stderr, and each face's best offset, in frames of 1/25 s from the checkpoint's, to
stdout as a JSON line.  With two cores it takes two minutes.
"""

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from support.checkpoints import SHIPPED, InProcess, judge
from support.media.clips import clip
from support.paths import TALKERS, VOICES
from support.quality.footage import Footage, Viewer, part_of
from support.quality.rendered import Settings, models_of, rendered
from table import Figure, tell

from lipsyncd.errors import InputError
from lipsyncd.media.mel import TRAINED_RATE, mel_columns, window_start
from lipsyncd.media.speech import speech, speech_at
from lipsyncd.media.voice import Voice, examine_voice
from lipsyncd.model.expert import FRAMES, Expert
from lipsyncd.protocol.options import Options
from lipsyncd.render.sync import OFFSETS, cosines, windows_around

BESIDE = range(-3, 4)  # frames from the checkpoint's own offset
SPOKEN = 0.5  # of speech, from which on a frame counts as spoken
STRANGER = "single_face.jpg"
TALKING = 3  # talkers of the studio, if they are there
SENTENCE = VOICES / "harbour.flac"


def measured(path: Path, voice: Voice, models: InProcess, expert: Expert) -> list[float]:
    """The expert's cosine of a face that speaks, at each of BESIDE."""
    viewer, own = Viewer(models), models.conventions
    source, found = viewer.source(path, voice.seconds), []
    for beside in BESIDE:
        offset = own.mel_offset_frames + beside
        models.conventions = replace(own, mel_offset_frames=offset)
        with tempfile.TemporaryDirectory() as folder:
            files, how = (path, voice.path, Path(folder, "result.mp4")), Options(blend="soft")
            made = rendered(*files, models=models, options=how, settings=Settings(crf=0))
            found.append(float(curve(viewer.result(made, source), voice, expert)[OFFSETS == 0][0]))
    models.conventions = own
    return found


def filmed(path: Path, models: InProcess, expert: Expert) -> list[float] | None:
    """The same of a clip as it is, its own sound taken so much later; None without a sound."""
    try:
        voice = examine_voice(path, path.name)
    except InputError:
        return None
    source = Viewer(models).source(path, voice.seconds)
    means = curve(part_of(source, source.once), voice, expert)
    return [float(means[beside == OFFSETS][0]) for beside in BESIDE]


def curve(footage: Footage, voice: Voice, expert: Expert) -> np.ndarray:
    """The mean cosine of what is spoken and shown, at each of OFFSETS."""
    trained, shares = footage.trained, list(speech(voice))
    starts = (window_start(Fraction(TRAINED_RATE), number, -2) for number in range(len(trained)))
    spoken = np.array([speech_at(start, lambda a, b: shares[a:b]) for start in starts]) >= SPOKEN
    fives = np.lib.stride_tricks.sliding_window_view(spoken & footage.shown[trained], FRAMES)
    heard = windows_around(mel_columns(voice), 0, len(fives))
    return cosines(expert, footage.crops(), heard)[fives.all(axis=1)].mean(axis=0)


def peak(found: list[float]) -> float:
    """Where in BESIDE the best is, between frames by a parabola through it and its neighbours."""
    best = int(np.argmax(found))
    if best in (0, len(found) - 1):
        return float(BESIDE[best])
    before, most, after = found[best - 1 : best + 2]
    return BESIDE[best] + (before - after) / (2 * (before - 2 * most + after))


def show(name: str, found: list[float]) -> None:
    """A row of the table, and its figure."""
    at = round(peak(found), 2)
    tell(f"{name:34}" + "".join(f"{each:8.3f}" for each in found) + f"{at:8.2f}")
    print(json.dumps(asdict(Figure(f"best offset, {name}", at, "frames"))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures where a checkpoint hears best.")
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED)
    asked = parser.parse_args()
    talkers = sorted(TALKERS.glob("grid_*.mpg"))[:TALKING]
    paths = asked.clips or [clip(STRANGER), *talkers]
    models, expert = models_of(asked.checkpoint), Expert(judge())
    voice = examine_voice(SENTENCE, SENTENCE.name)
    tell(f"{asked.checkpoint.name}: mel_offset_frames {models.conventions.mel_offset_frames}")
    tell(f"{'frames beside it':34}" + "".join(f"{each:8}" for each in BESIDE) + f"{'best':>8}")
    for path in paths:
        if own := filmed(path, models, expert):
            show(f"{path.stem}, as it was filmed", own)
        show(path.stem, measured(path, voice, models, expert))


if __name__ == "__main__":
    main()
