"""A review looks at a result, and at what it was made of as long as that is kept."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.media.synthetic import babble, write_voice
from support.quality.rendered import Settings

from lipsyncd.protocol.options import Options
from lipsyncd.protocol.review import Review
from lipsyncd.render.gaps import REASONS, Gap
from lipsyncd.render.moments import CLOSED, OPEN, picked
from lipsyncd.render.pipeline import render
from lipsyncd.render.plan import Plan
from lipsyncd.render.review import GONE, review
from lipsyncd.render.scene import Files

RATE = Fraction(25)


class Job:
    """A job that was done, and its files."""

    def __init__(self, folder: Path, models: InProcess, face: Path, seconds: float) -> None:
        self.face, self.models = face, models
        self.voice = write_voice(folder / "voice.wav", babble(seconds))
        self.result, self.work = folder / "result", folder / "work"
        with self.result.open("w+b") as result, self.work.open("w+b") as work:
            files = Files(face, (self.voice,), result, work)
            for _ in render(Options(preset="ultrafast"), files, models, Settings()):
                pass

    def reviewed(self, is_kept: bool = True) -> Review:
        told = io.BytesIO()
        if is_kept:
            with self.work.open("rb") as work:
                self._review(Files(self.face, (self.voice,), told, io.BytesIO(), earlier=work))
        else:
            self._review(Files(self.result, (), told, io.BytesIO()))
        return Review.from_bytes(told.getvalue())

    def _review(self, files: Files) -> None:
        options = Options(preset="ultrafast")
        for _ in review(options, files, self.models, Settings(), done=self.result):
            pass


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, float], Job]:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    models = InProcess(models_of(write_safetensors(path, random_generator())))
    return lambda *how: Job(tmp_path_factory.mktemp("job"), models, *how)


@pytest.fixture(scope="module")
def job(make: Callable[[Path, float], Job]) -> Job:
    """Of a second."""
    return make(clip("single_face.mp4"), 1.0)


@pytest.fixture(scope="module")
def told(job: Job) -> Review:
    return job.reviewed()


def pixels(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def test_each_frame_has_its_loudness_and_its_lips(told: Review) -> None:
    assert (told.rate, told.looked_seconds) == (30.0, 1.0)
    assert told.seconds == pytest.approx(1.0, abs=0.05)
    assert len(told.loudness) == len(told.opening) == 30
    assert max(told.loudness) > 0.1
    assert all(each is not None and 0 <= each < 1 for each in told.opening)
    assert (told.gaps, told.missing) == ((), ())
    assert told.looking_seconds is not None
    assert told.looking_seconds > 0


def test_of_each_moment_there_is_the_same_face_before_and_after(told: Review) -> None:
    assert {each.why for each in told.moments} == {OPEN, CLOSED}
    for moment in told.moments:
        assert moment.before
        before, after = pixels(moment.before), pixels(moment.after)
        assert before.shape == after.shape
        height, width = before.shape[:2]
        assert 0.9 < width / height < 1.1
        upper = np.s_[: height // 3]  # what no render changes
        assert np.abs(before[upper] - after[upper]).mean() < 8
        assert np.abs(before - after).mean() > np.abs(before[upper] - after[upper]).mean()


def test_a_result_of_which_nothing_else_is_kept_is_shown_alone(job: Job, told: Review) -> None:
    alone = job.reviewed(is_kept=False)
    assert [each.before for each in alone.moments] == [None] * len(told.moments)
    assert [each.after for each in alone.moments] == [each.after for each in told.moments]
    assert alone.opening == told.opening
    assert (alone.looking_seconds, alone.missing) == (None, (GONE,))


@pytest.mark.parametrize("size", [0, 1000])
def test_work_that_is_not_whole_is_as_good_as_gone(
    job: Job, size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "work").write_bytes(job.work.read_bytes()[:size])
    monkeypatch.setattr(job, "work", tmp_path / "work")
    assert job.reviewed().missing == (GONE,)


def test_a_result_in_which_a_face_leaves_has_a_moment_without_it(
    make: Callable[[Path, float], Job],
) -> None:
    told = make(clip("face_noface.mov"), 3.2).reviewed()
    (gap,) = told.gaps
    (left,) = [each for each in told.moments if each.why.startswith("There is no face")]
    assert gap.start < left.at < gap.end
    assert gap.start == pytest.approx(2.4, abs=0.1)
    assert left.before
    assert np.abs(pixels(left.before) - pixels(left.after)).mean() < 8
    assert [value is None for value in told.opening][-5:] == [True] * 5


# Which moments these are


def test_lips_are_shown_where_they_are_most_open_and_most_closed() -> None:
    opening = [0.1] * 100
    for number in (5, 25, 45, 65, 95):
        opening[number] = 0.3
    opening[50] = 0.0
    found = picked(Plan(100, ()), opening, RATE)
    assert [each.number for each in found] == [5, 25, 45, 50, 65, 95]
    assert [each.number for each in found if each.why == CLOSED] == [50]


def test_none_is_shown_twice_nor_soon_after_another() -> None:
    opening = [0.1] * 100
    opening[19] = opening[20] = 0.3
    opening[19] = 0.2
    numbers = [each.number for each in picked(Plan(100, ()), opening, RATE)]
    assert 20 not in numbers or 19 not in numbers
    assert len(numbers) == len(set(numbers))


def test_of_many_gaps_the_longest_are_shown_and_of_no_face_some_moments() -> None:
    gaps = tuple(Gap(20 * n, 20 * n + 3 + n, REASONS[1]) for n in range(5))
    found = picked(Plan(100, (), gaps), [None] * 100, RATE)
    assert [each.number for each in found] == [42, 63, 83]
    assert len(picked(Plan(100, ()), [None] * 100, RATE)) >= 3
    assert len(picked(Plan(1, ()), [None], RATE)) == 1
