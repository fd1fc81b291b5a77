"""A dialogue: two faces in one picture, and each speaks when its own voice does."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import av
import cv2
import numpy as np
import pytest
from support.client.command import messages
from support.media.clips import clip
from support.media.synthetic import write_still, write_voice

from lipsyncd.media.sound import resampled, samples_of

RATE, SECONDS, SWITCH = 16000, 2.0, 1.0
SIDE = 400  # pixels of each half of the picture


@pytest.fixture(scope="module")
def pair(made: Path) -> Path:
    """Two faces beside each other."""
    with av.open(str(clip("single_face.mp4"))) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    middle = picture.shape[1] // 2
    half = picture[:, middle - picture.shape[0] // 2 : middle + picture.shape[0] // 2]
    face = cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return write_still(made / "pair.png", np.hstack([face, face[:, ::-1]]))


@pytest.fixture(scope="module")
def turns(made: Path, harbour: Path) -> tuple[Path, Path]:
    """Two voices: one speaks first, then the other."""
    with av.open(str(harbour)) as container:
        frames = resampled(container.decode(audio=0), "harbour", RATE, form="flt")
        said = np.hstack([samples_of(frame).mean(axis=0) for frame in frames])
    said = said[: round(SECONDS * RATE)]
    is_first = np.arange(len(said)) < SWITCH * RATE
    first = write_voice(made / "first.wav", np.where(is_first, said, 0), RATE)
    return first, write_voice(made / "second.wav", np.where(is_first, 0, said), RATE)


def restless(path: Path) -> np.ndarray:
    """How much each half of the picture moves: (2, 2), by half, then before and after the switch.
    The moments of the switch, and of the beginning and the end, are left out."""
    with av.open(str(path)) as container:
        luma = np.array([f.to_ndarray()[: f.height] for f in container.decode(video=0)], int)
    steps = np.abs(np.diff(luma, axis=0))
    at = round(SWITCH * 25)
    times = steps[5 : at - 5], steps[at + 10 : -5]
    return np.array(
        [[part[:, :, columns].mean() for part in times] for columns in np.s_[:SIDE, SIDE:]]
    )


@pytest.mark.parametrize(("who", "first"), [(("left", "right"), 0), (("right", "left"), 1)])
def test_each_speaks_when_its_own_voice_does(
    render: Callable[..., Path],
    pair: Path,
    turns: tuple[Path, Path],
    who: tuple[str, str],
    first: int,
) -> None:
    one, other = turns
    result = render(pair, one, "-a", str(other), "--who", who[0], "--who", who[1], "--crf", "0")
    moves = restless(result)
    print(f"\n  {moves.round(4).tolist()}")
    assert moves[first, 0] > 4 * moves[first, 1]
    assert moves[1 - first, 1] > 4 * moves[1 - first, 0]


@pytest.fixture(scope="module")
def group(made: Path) -> tuple[Path, Path]:
    """Two people side by side, and another picture of the right one, mirrored."""
    with av.open(str(clip("multi_face.jpg"))) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    with av.open(str(clip("single_face.mp4"))) as container:
        other = next(container.decode(video=0)).to_ndarray(format="rgb24")
    middle = other.shape[1] // 2
    half = other[:, middle - other.shape[0] // 2 : middle + other.shape[0] // 2]
    left = cv2.resize(picture[216:496, 597:877], (SIDE, SIDE))
    pair = np.hstack([left, cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_AREA)])
    return write_still(made / "group.png", pair), write_still(made / "anna.png", half[:, ::-1])


def test_who_is_on_a_picture_speaks(
    render: Callable[..., Path], group: tuple[Path, Path], harbour: Path
) -> None:
    """Through a whole daemon: a picture is a file of the job like the face and the voice."""
    face, picture = group
    moves = restless(render(face, harbour, "--who", str(picture), "--crf", "0"))
    print(f"\n  {moves.round(4).tolist()}")
    assert moves[1].min() > 10 * moves[0].max()


def test_both_voices_are_heard(
    render: Callable[..., Path], pair: Path, turns: tuple[Path, Path]
) -> None:
    one, other = turns
    result = render(pair, one, "-a", str(other), "--who", "left", "--who", "right")
    with av.open(str(result)) as container:
        samples = np.hstack([frame.to_ndarray() for frame in container.decode(audio=0)])[0]
    half = len(samples) // 2
    assert len(samples) / 48000 == pytest.approx(SECONDS, abs=0.05)
    assert min(np.abs(samples[:half]).max(), np.abs(samples[half:]).max()) > 0.05


def test_two_voices_without_two_faces_are_refused_in_words(
    ctl: Callable[..., CompletedProcess[str]], turns: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = map(str, turns)
    out, face = str(tmp_path / "out.mp4"), str(clip("single_face.jpg"))
    words = ("-a", one, "-a", other, "--who", "left", "--who", "right", face, "-o", out)
    job = messages(ctl("run", "--json", *words).stdout)[-1]["job"]
    print(f"\n  {job['error']['message']} {job['error']['hint']}")
    assert job["error"]["name"] == "input.no_face"
    alone = ctl("run", "-a", one, "-a", other, face, "-o", out)
    print(f"  {alone.stderr}")
    assert alone.returncode == 2
    assert "2 results would be written" in alone.stderr  # a job for each
