"""A trial: one face speaks every voice in every way of pasting a mouth, and all is measured."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from lipsyncd.media.mel import TRAINED_RATE
from lipsyncd.model.expert import FRAMES, Expert
from lipsyncd.protocol.options import Options
from lipsyncd.render.sync import cosines, windows_around
from support.checkpoints import SHIPPED, InProcess, judge
from support.quality import metrics, pictures
from support.quality.colour import colour, own_colour
from support.quality.faces import Subject
from support.quality.footage import Footage, Viewer, part_of
from support.quality.identity import Recogniser, fetch
from support.quality.rendered import Settings, models_of, rendered
from support.quality.voices import Heard, heard

REAL = "real"  # the way of a clip as it is, with its own sound
SPOKEN = 0.5  # of speech, from which on a frame counts as spoken
LOSSLESS = Settings(crf=0)  # so that only the way of pasting is measured, and not the encoder

Values = dict[str, list[float]]  # of each measure, the values of all voices


@dataclass(frozen=True)
class Way:
    """How mouths are made, and pasted."""

    name: str
    checkpoint: Path = SHIPPED
    blend: str = "transfer"


def trial(subject: Subject, voices: list[Path], ways: list[Way]) -> dict[str, Values]:
    """What was measured in each way; for a face that speaks also in itself, as `REAL`."""
    heards = [heard_at(path) for path in voices]
    seconds = max(each.voice.seconds for each in heards)
    source = viewer().source(subject.path, seconds)
    values: dict[str, Values] = {}
    if subject.speaks:
        own = part_of(source, source.once)
        moved = {"moved colour": own_colour(own)[0]}
        values[REAL] = listed(of_lips(own, heard_at(subject.path)) | moved)
    for way in ways:
        values[way.name] = {}
        for each in heards:
            result = result_of(subject, each, way, source)
            shown = part_of(source, len(result))
            found = listed(of_lips(result, each)) | listed(of_pictures(shown, result))
            for name, more in found.items():
                values[way.name].setdefault(name, []).extend(more)
    return values


def result_of(subject: Subject, heard: Heard, way: Way, source: Footage) -> Footage:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.mp4"
        rendered(
            subject.path,
            heard.path,
            path,
            models=models(way.checkpoint),
            options=Options(blend=way.blend),
            settings=LOSSLESS,
        )
        return viewer().result(path, source)


def of_lips(footage: Footage, heard: Heard) -> dict[str, float | list[bool]]:
    """What is measured of lips and a voice."""
    rate, count, openness, shown = footage.rate, len(footage), footage.openness, footage.shown
    speech = heard.speech(rate, count)
    spoken = speech >= SPOKEN
    moments = np.flatnonzero(spoken) / float(rate)
    return sync_of(footage, heard) | {
        "follows": metrics.following(openness, heard.loudness(rate, count), shown),
        "opens": metrics.opening(openness, shown & spoken),
        "lips meet": metrics.meetings(openness, shown, float(rate), heard.bilabials),
        "meet anyway": metrics.meetings(openness, shown, float(rate), moments),
        "leak": metrics.leak(openness, shown, speech),
    }


def sync_of(footage: Footage, heard: Heard) -> dict[str, float]:
    """What the sync expert says, of what is spoken and shown."""
    spoken = spoken_of(footage, heard)
    if not spoken.any():
        return {}
    around = windows_around([heard.mel], 0, len(spoken))
    found = cosines(expert(), footage.crops(), around)[spoken]
    return {
        "sync": metrics.sync(found),
        "far sync": metrics.far_sync(found),
        "right offset": float(abs(metrics.best_offset(found)) <= 1),
    }


def of_pictures(source: Footage, result: Footage) -> dict[str, float]:
    """What is measured of a result beside its source."""
    both, tint = colour(source, result)
    return {
        "sharpness": pictures.sharpness(source, result),
        "skin": pictures.skin(source, result),
        "colour": both,
        "tint": tint,
        "moved colour": own_colour(result)[0],
        "seam": pictures.seam(source, result),
        "flicker": pictures.flicker(source, result),
        "identity": recogniser().identity(source, result),
    }


def spoken_of(footage: Footage, heard: Heard) -> np.ndarray:
    """(n,) bool: of each frame that a five of them begins with, whether it is spoken and shown."""
    trained = footage.trained
    spoken = heard.speech(Fraction(TRAINED_RATE), len(trained)) >= SPOKEN
    fives = np.lib.stride_tricks.sliding_window_view(spoken & footage.shown[trained], FRAMES)
    return fives.all(axis=1)


def listed(values: dict[str, float | list[bool]]) -> Values:
    """All as lists, without what could not be measured."""
    lists = {name: np.atleast_1d(np.array(each, float)) for name, each in values.items()}
    return {name: each[np.isfinite(each)].tolist() for name, each in lists.items()}


# What each process loads once.


@cache
def models(checkpoint: Path) -> InProcess:
    cv2.setNumThreads(1)  # there are as many processes as cores
    return models_of(checkpoint)


@cache
def viewer() -> Viewer:
    return Viewer(models(SHIPPED))


@cache
def expert() -> Expert:
    return Expert(judge())


@cache
def recogniser() -> Recogniser:
    return Recogniser(fetch())


@cache
def heard_at(path: Path) -> Heard:
    return heard(path)
