"""The lips: they move with the sound, and nothing above them does."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.checkpoints import yunet
from support.media.clips import clip

from lipsyncd.face.box import Box
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector

MOUTH = (0.30, 0.68, 0.70, 0.95)  # left, top, right, bottom, as shares of the face's box
SMOOTHING = 0.16  # seconds over which loudness is averaged
LAGS = range(-3, 4)  # frames by which the mouth may be late
FOLLOWS = 0.5  # correlation of the opening and the loudness, at least
BETTER = 0.2  # than with what another voice, or this one backwards, would have asked for


@dataclass(frozen=True)
class Take:
    """The luma of a result's frames, (n, height, width) float32, and the loudness at each."""

    luma: np.ndarray
    loudness: np.ndarray


@pytest.fixture(scope="module", params=["neutral", "smiling"])
def face(request: pytest.FixtureRequest, neutral: Path) -> Path:
    return neutral if request.param == "neutral" else clip("single_face.jpg")


@pytest.fixture(scope="module")
def box(face: Path) -> Box:
    """Where the face is."""
    source = examine_source(face, "The face")
    return Detector(yunet()).faces(next(source.frames()))[0].box


@pytest.fixture(scope="module")
def takes(face: Path, harbour: Path, paper: Path, render: Callable[..., Path]) -> tuple[Take, Take]:
    """The face with one sentence and with another, encoded without loss."""
    harbour_take, paper_take = (
        take(render(face, voice, "--crf", "0"), voice) for voice in (harbour, paper)
    )
    return harbour_take, paper_take


def test_two_sentences_make_two_mouths_and_one_forehead(
    takes: tuple[Take, Take], box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    count = min(len(each.luma) for each in takes)
    difference = np.abs(takes[0].luma[:count] - takes[1].luma[:count])
    middle = round(box.top + box.height / 2)
    above, mouth = difference[:, :middle], part(difference, box)
    with capsys.disabled():
        print(f"\n  the mouths differ by {mouth.mean():.1f} of 255 on average, at least 3")
    assert mouth.mean() >= 3
    assert above.max() == 0


def test_the_mouth_opens_when_the_voice_is_loud(
    takes: tuple[Take, Take], box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    for this, other in (takes, takes[::-1]):
        opening = -part(this.luma, box).mean(axis=(1, 2))  # the inside of a mouth is dark
        own, lag = likeness(opening, this.loudness)
        wrong = {
            "the other voice": likeness(opening, other.loudness)[0],
            "the voice backwards": likeness(opening, this.loudness[::-1])[0],
        }
        with capsys.disabled():
            print(
                f"\n  opening and loudness: {own:.2f} (at least {FOLLOWS}) at lag {lag:+d};", end=""
            )
            print("", ", ".join(f"{name} {value:.2f}" for name, value in wrong.items()), end="")
        assert own >= FOLLOWS
        assert own - max(wrong.values()) >= BETTER


def take(result: Path, voice: Path) -> Take:
    with av.open(str(result)) as container:
        rate = container.streams.video[0].average_rate
        frames = list(container.decode(video=0))
    luma = np.array([frame.to_ndarray()[: frame.height] for frame in frames], np.float32)
    return Take(luma, loudness_of(voice, rate, len(frames)))


def loudness_of(voice: Path, rate: Fraction, count: int) -> np.ndarray:
    """The root mean square of the voice around the middle of each frame."""
    with av.open(str(voice)) as container:
        samples_a_second = container.streams.audio[0].rate
        blocks = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    power = (np.concatenate(blocks) / 32768.0) ** 2
    half = round(SMOOTHING / 2 * samples_a_second)
    middles = [round((number + 0.5) / rate * samples_a_second) for number in range(count)]
    return np.array([power[max(0, at - half) : at + half].mean() ** 0.5 for at in middles])


def part(pictures: np.ndarray, box: Box) -> np.ndarray:
    """The mouth in pictures, (n, height, width)."""
    left, top, right, bottom = MOUTH
    rows = slice(round(box.top + top * box.height), round(box.top + bottom * box.height))
    columns = slice(round(box.left + left * box.width), round(box.left + right * box.width))
    return pictures[:, rows, columns]


def likeness(opening: np.ndarray, loudness: np.ndarray) -> tuple[float, int]:
    """The best correlation of the two, and the frames by which the opening comes later then."""
    most = max(map(abs, LAGS))
    count = min(len(opening), len(loudness)) - most
    return max(
        (float(np.corrcoef(opening[most + lag : count + lag], loudness[most:count])[0, 1]), lag)
        for lag in LAGS
    )
