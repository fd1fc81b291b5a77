"""A face is shown at a constant rate: its own, one at which lips move, or one that is chosen."""

import random
from fractions import Fraction
from pathlib import Path

import pytest
from support.media.bombs import video
from support.media.synthetic import moving, number_of, numbered, quartered, write_still, write_video

from lipsyncd.media.rate import exact
from lipsyncd.media.source import Source, examine_source


def source_of(path: Path, rate: Fraction | None = None) -> Source:
    return examine_source(path, "The face", rate)


def shown(source: Source, start: int = 0) -> list[int]:
    return [number_of(frame) for frame in source.frames(start)]


def due_before_middles(times: list[Fraction], rate: Fraction, count: int) -> list[int]:
    """For each slot the number of the last picture due before its middle."""
    middles = [(slot + Fraction(1, 2)) / rate for slot in range(count)]
    return [max(i for i, due in enumerate(times) if due < middle) for middle in middles]


@pytest.mark.parametrize(
    "rate", ["24000/1001", "24", "25", "30000/1001", "48", "50", "60000/1001", "90", "100", "120"]
)
def test_a_rate_of_cameras_is_kept_exactly(tmp_path: Path, rate: str) -> None:
    path = write_video(tmp_path / "face.mp4", map(numbered, range(12)), rate=Fraction(rate))
    source = source_of(path)
    assert source.rate == Fraction(rate)
    assert source.notes == ()
    assert shown(source) == list(range(12))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (23.976, "24000/1001"),
        (23.98, "24000/1001"),
        (29.97, "30000/1001"),
        (59.94, "60000/1001"),
        (119.88, "120000/1001"),
        (24, "24"),
        (25, "25"),
        (1, "1"),
        (12.5, "25/2"),
        (100, "100"),
        (120, "120"),
    ],
)
def test_what_is_typed_stands_for_the_rate_that_is_meant(typed: float, meant: str) -> None:
    assert exact(typed) == Fraction(meant)


@pytest.mark.parametrize("own", ["5", "12", "24000/1001", "25", "30", "50", "120"])
@pytest.mark.parametrize("chosen", ["10", "25", "30000/1001", "60", "120"])
def test_a_rate_that_is_chosen_shows_what_is_due(tmp_path: Path, own: str, chosen: str) -> None:
    times = [number / Fraction(own) for number in range(16)]
    path = write_video(tmp_path / "face.mp4", map(numbered, range(16)), rate=Fraction(own))
    source = source_of(path, Fraction(chosen))
    assert source.rate == Fraction(chosen)
    assert source.notes == ()
    found = shown(source)
    assert found == due_before_middles(times, source.rate, len(found))
    assert len(found) == pytest.approx(float(16 / Fraction(own) * source.rate), abs=1.01)
    start = len(found) // 2
    assert shown(source, start) == found[start:]


@pytest.mark.parametrize("suffix", ["h264", "m1v"])
@pytest.mark.parametrize("chosen", [50, 100])
def test_pictures_without_a_time_come_at_their_own_rate(
    tmp_path: Path, suffix: str, chosen: int
) -> None:
    codec = {"h264": "libx264", "m1v": "mpeg1video"}[suffix]
    path = write_video(tmp_path / f"face.{suffix}", moving(8), codec=codec)
    own = source_of(path).rate
    assert own == 25
    frames = list(source_of(path, Fraction(chosen)).frames())
    assert len(frames) == pytest.approx(8 * chosen // 25, abs=chosen // 25)


def test_a_last_picture_that_does_not_say_so_lasts_as_long_as_the_others(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.flv", map(numbered, range(8)), codec="flv", rate=5)
    source = source_of(path)
    assert (source.rate, source.pace) == (25, 5)
    assert shown(source) == [each for each in range(8) for _ in range(5)]


def test_a_still_has_the_rate_that_is_chosen(tmp_path: Path) -> None:
    path = write_still(tmp_path / "face.png", quartered())
    assert source_of(path).rate == 25
    assert source_of(path, Fraction(60)).rate == 60


@pytest.mark.parametrize(("rate", "times"), [(1, 25), (5, 5), (10, 3), (12, 3), (15, 2), (20, 2)])
def test_a_slide_show_is_shown_so_often_that_lips_can_move(
    tmp_path: Path, rate: int, times: int
) -> None:
    path = write_video(tmp_path / "face.mp4", map(numbered, range(4)), rate=rate)
    source = source_of(path)
    assert source.rate == rate * times >= 25
    assert shown(source) == [each for each in range(4) for _ in range(times)]
    half = 2 * times
    assert shown(source, half) == [2] * times + [3] * times


@pytest.mark.parametrize(("fast", "slow"), [(30, 10), (30, 15), (60, 24), (60, 10)])
def test_every_picture_of_the_fast_part_is_shown(tmp_path: Path, fast: int, slow: int) -> None:
    """A telephone takes fewer pictures in the dark."""
    times = [Fraction(at, fast) for at in range(15)]
    times += [times[-1] + Fraction(at, slow) for at in range(1, 5)]
    path = write_video(tmp_path / "face.mp4", map(numbered, range(19)), times=times)
    source = source_of(path)
    assert source.rate == fast
    found = shown(source)
    assert found[:15] == list(range(15))
    assert found == due_before_middles(times, source.rate, len(found))


@pytest.mark.parametrize("fast", [30, 60])
def test_the_fast_part_is_found_where_timestamps_tremble(tmp_path: Path, fast: int) -> None:
    """As those of telephones do, which then state no rate but their mean."""
    draw = random.Random(1)
    times = [Fraction(at, fast) for at in range(90)]
    times += [times[-1] + Fraction(at, 20) for at in range(1, 31)]
    trembling = [time + Fraction(draw.randint(0, 400), 90000) for time in times]
    path = write_video(tmp_path / "face.mp4", moving(120), times=trembling)
    source = source_of(path)
    assert float(source.rate) == pytest.approx(fast, rel=0.002)
    assert f"the result has {float(source.rate):.5g}" in source.notes[0]


@pytest.mark.parametrize(
    ("own", "rate", "note"),
    [
        (5, 25, "The face has 5 pictures a second; each is shown 5 times, for lips to move."),
        (12, 36, "The face has 12 pictures a second; each is shown 3 times, for lips to move."),
        (1000, 25, "The face states 1000 pictures a second; the result has 25."),
    ],
)
def test_a_rate_that_was_found_for_it_is_noted(
    tmp_path: Path, own: int, rate: int, note: str
) -> None:
    path = tmp_path / "face.mp4"
    path.write_bytes(video("mp4", "libx264", rate=own, base=f"1/{own}", times=range(50)))
    source = source_of(path)
    assert (source.rate, source.notes) == (rate, (note,))
    assert sum(1 for _ in source.frames()) == pytest.approx(50 / own * rate, abs=1)


def test_a_rate_that_varies_is_noted(tmp_path: Path) -> None:
    times = [Fraction(at, 30) for at in range(15)] + [Fraction(15 + 3 * at, 30) for at in range(4)]
    source = source_of(write_video(tmp_path / "face.mp4", map(numbered, range(19)), times=times))
    (note,) = source.notes
    assert "in the mean, at no constant rate; the result has 30." in note
