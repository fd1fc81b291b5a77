"""Which frame of the face is shown when: longer than the voice, shorter, a still, turned."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from subprocess import CompletedProcess

import av
import numpy as np
import pytest
from support.client.command import messages

RATE = Fraction(25)
STEP = 8  # of luma between two numbers in the corner of a frame


def test_a_face_longer_than_the_voice_is_cut(
    film: Callable[..., Path], render: Callable[..., Path], speak: Callable[..., Path]
) -> None:
    face = film("long.mp4", 20, RATE)
    assert numbers(render(face, speak(0.4))) == list(range(10))


@pytest.mark.parametrize(
    "extend, shown",
    [
        ("pingpong", [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4]),
        ("loop", [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2]),
    ],
)
def test_a_face_shorter_than_the_voice_goes_on(
    film: Callable[..., Path],
    render: Callable[..., Path],
    word: Path,
    extend: str,
    shown: list[int],
) -> None:
    face = film("short.mp4", 6, RATE)
    assert numbers(render(face, word, "--extend", extend)) == shown


def test_back_and_forth_is_how_it_goes_on_by_itself(
    film: Callable[..., Path], render: Callable[..., Path], word: Path
) -> None:
    face = film("short.mp4", 6, RATE)
    assert numbers(render(face, word))[5:8] == [5, 4, 3]


def test_a_still_stays_while_the_voice_lasts(
    render: Callable[..., Path], neutral: Path, word: Path
) -> None:
    luma = luma_of(render(neutral, word, "--crf", "0"))
    still = np.ptp(luma.astype(int), axis=0) == 0
    print(f"\n  {len(luma)} frames, {still.mean():.0%} of each never changes")
    assert len(luma) == 15
    assert 0.8 < still.mean() < 1


def test_joined_recordings_are_shown_one_after_the_other_at_the_rate_that_is_chosen(
    film: Callable[..., Path], ctl: Callable[..., CompletedProcess[str]], made: Path, word: Path
) -> None:
    """And the job says what it made of them."""
    part = film("part.ts", 10, RATE)
    face, voice, result = (made / name for name in ("joined.ts", "tracks.mka", "joined.mp4"))
    face.write_bytes(part.read_bytes() * 2)
    silent_first(voice, word)
    ended = ctl("run", "-a", str(voice), str(face), "-o", str(result), "--fps", "50")
    print(f"\n{ended.stderr}")
    assert ended.returncode == 0
    shown = [*range(10), *range(5)]
    assert numbers(result) == [number for number in shown for _ in range(2)]
    (job,) = messages(ctl("list", "--json", "--limit", "1").stdout)[-1]["jobs"]
    assert [note.partition(",")[0] for note in job["notes"]] == [
        "The face is 2 recordings",
        "The voice is sound track 2 of 2; track 1 is silent from beginning to end.",
    ]
    assert all(note in ended.stderr for note in job["notes"])


def silent_first(path: Path, voice: Path) -> None:
    """A file of two tracks, of which the first is silence."""
    with av.open(str(voice)) as old, av.open(str(path), "w") as new:
        rate = old.streams.audio[0].rate
        tracks = [new.add_stream("pcm_s16le", rate=rate, layout="mono") for _ in range(2)]
        for frame in old.decode(audio=0):
            silence = av.AudioFrame.from_ndarray(np.zeros_like(frame.to_ndarray()), "s16", "mono")
            silence.sample_rate, silence.pts = rate, frame.pts
            for track, sound in zip(tracks, (silence, frame), strict=True):
                new.mux(track.encode(sound))


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_clip_comes_out_upright(
    film: Callable[..., Path],
    render: Callable[..., Path],
    word: Path,
    rotation: int,
) -> None:
    upright = luma_of(film("upright.mp4", 15, RATE))
    luma = luma_of(render(film(f"turned{rotation}.mp4", 15, RATE, rotation), word))
    assert luma.shape == upright.shape
    corner = np.abs(luma[:, :32, :32].astype(int) - upright[:, :32, :32]).max()
    above = np.abs(luma[:, :150].astype(int) - upright[:, :150]).mean()
    changed = np.abs(luma[:, 225:290, 255:340].astype(int) - upright[:, 225:290, 255:340]).mean()
    print(f"\n  mean difference to the upright clip: above {above:.2f}, at the mouth {changed:.2f}")
    assert corner < STEP
    assert above < 1
    assert changed > 2


def luma_of(path: Path) -> np.ndarray:
    """(n, height, width) uint8."""
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation == 0 or "turned" in path.name
        container.seek(0)
        return np.array([f.to_ndarray()[: f.height] for f in container.decode(video=0)])


def numbers(path: Path) -> list[int]:
    """The numbers that `film` wrote into the frames."""
    corners = luma_of(path)[:, 8:24, 8:24].mean(axis=(1, 2))
    return ((corners - 16) / STEP).round().astype(int).tolist()
