"""A stretch of a result is redone with other options, and the rest stays as it was."""

import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.daemon.process import ready
from support.daemon.served import Daemon, answer
from support.media.clips import clip

from lipsyncd.errors import InputGone, InvalidRequest
from lipsyncd.media import part
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render import parts
from lipsyncd.render.pipeline import render
from lipsyncd.render.process import Settings
from lipsyncd.render.redo import content_of, redo
from lipsyncd.render.scene import Files
from lipsyncd.render.work import Kind, found_in

SETTINGS = Settings(crf=30, preset="ultrafast", detect_every=5, max_voice_seconds=600)
RATE, TOTAL = 30, 75  # frames a second, and of a result
PARTS = 4
BEGINS, ENDS = 1.0, 1.75  # seconds: of the second and the third part
REDONE, FADE = range(31, 53), 4  # frames, and those of them at each end that may not be quite new
SOFT = Options(blend="soft")
EXACT = Options(format="mkv", codec="lossless", blend="soft")
SECONDS = 20.0  # of a longer result, with two parts of 250 frames
STRETCH = {"from_": BEGINS, "to": ENDS}


class Counted(InProcess):
    """Models that know how many mouths they have made, and how often they looked for faces."""

    def __init__(self, folder: Path) -> None:
        super().__init__(models_of(write_safetensors(folder / "weights", random_generator())))
        self.made, self.looks, make = 0, 0, self.mouths

        def counted(crops: np.ndarray, *inputs: object) -> np.ndarray:
            self.made += len(crops)
            return make(crops, *inputs)

        self.mouths = counted

    def new_detector(self) -> object:
        self.looks += 1
        return super().new_detector()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return Counted(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def voice(speak: Callable[[float], Path]) -> Path:
    return speak(TOTAL / RATE)


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SECONDS", TOTAL / RATE / PARTS)


class Job:
    """The files of a job."""

    def __init__(self, folder: Path, voice: Path, models: Counted) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.voice, self.models = folder, voice, models
        self.result, self.work = folder / "result", folder / "work"
        self.face = clip("single_face.mp4")

    def life(
        self, options: Options, earlier: "Job | None" = None
    ) -> Generator[Progress, None, None]:
        """A render, which goes on from the work of the one before."""
        self.work.touch()
        with self.result.open("w+b") as result, self.work.open("r+b") as work:
            files = Files(self.face, (self.voice,), result, work)
            if earlier is None:
                yield from render(options, files, self.models, SETTINGS)
            else:
                with earlier.work.open("rb") as made:
                    files = replace(files, earlier=made)
                    yield from redo(options, files, self.models, SETTINGS)

    def done(self, options: Options, earlier: "Job | None" = None) -> "Job":
        for _ in self.life(options, earlier):
            pass
        return self

    def pictures(self) -> list[np.ndarray]:
        with av.open(str(self.result)) as container:
            return [picture.to_ndarray() for picture in container.decode(video=0)]

    def parts(self) -> list[bytes]:
        return parts_in(self.work)


def parts_in(work: Path) -> list[bytes]:
    """The packets of each part, as they are kept."""
    with work.open("rb") as file:
        records = [each for each in found_in(file) if each.kind is Kind.PART]
        return [content_of(file, each) for each in records]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, voice: Path, models: Counted) -> Callable:
    folder, numbers = tmp_path_factory.mktemp("jobs"), iter(range(99))
    return lambda: Job(folder / str(next(numbers)), voice, models)


@pytest.fixture(scope="module")
def before(job: "NewJob") -> "Callable[[Options], Job]":
    """A job that was done with these options, which is only read."""
    return cache(lambda options: job().done(options))


NewJob = Callable[[], Job]
Before = Callable[[Options], Job]


@pytest.mark.parametrize("changed", [{"expression": 0.3}, {"blend": "box"}])
def test_the_stretch_is_new_and_the_frames_outside_are_those_of_before(
    job: NewJob, before: Before, changed: dict[str, object]
) -> None:
    earlier, other = before(EXACT), before(replace(EXACT, **changed))
    again = job().done(replace(EXACT, **changed, **STRETCH), earlier)
    olds, news, found = (each.pictures() for each in (earlier, other, again))
    assert len(found) == TOTAL
    for number, (old, new, picture) in enumerate(zip(olds, news, found, strict=True)):
        if number not in REDONE:
            assert np.array_equal(picture, old), number
        elif number in REDONE[FADE:-FADE]:
            assert np.array_equal(picture, new), number
        else:  # on its way from one to the other
            low, high = np.minimum(old, new), np.maximum(old, new)
            assert np.all((low <= picture) & (picture <= high)), number
        if number in REDONE[FADE:-FADE]:
            assert not np.array_equal(picture, old), number


def test_only_the_parts_that_the_stretch_meets_cost_time(
    job: NewJob, before: Before, models: Counted
) -> None:
    """The others are the same packets, and nobody looks for faces again."""
    earlier = before(SOFT)
    models.made = models.looks = 0
    again = job().done(replace(SOFT, expression=0.3, **STRETCH), earlier)
    is_same = [one == other for one, other in zip(earlier.parts(), again.parts(), strict=True)]
    assert is_same == [True, False, False, True]
    assert (models.made, models.looks) == (len(REDONE) + 1, 1)  # of the neutral face


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9", "prores"])
def test_parts_of_every_codec_go_together_with_new_ones(
    job: NewJob, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of pictures that the stretch does not meet are the same packets."""
    monkeypatch.setattr(part, "KEYFRAME_SECONDS", 0.2)  # six frames
    options = Options(format="mkv", codec=codec, blend="box", preset="ultrafast")
    earlier = job().done(options)
    again = job().done(replace(options, audio_offset=200, **STRETCH), earlier)
    olds, found = earlier.pictures(), again.pictures()
    assert len(olds) == len(found) == TOTAL
    is_same = [np.array_equal(one, other) for one, other in zip(olds, found, strict=True)]
    assert all(is_same[:18] + is_same[57:])
    assert not any(is_same[FADE + REDONE.start : REDONE.stop - FADE])
    near = is_same[19:31] + is_same[53:56]
    assert sum(near) == {"prores": 15, "h265": 0}.get(codec, 12)
    assert all(np.abs(olds[n].astype(int) - found[n]).mean() < 2 for n in range(18, 31))


def test_a_redo_of_a_redo_keeps_both(job: NewJob, before: Before) -> None:
    first = before(EXACT)
    second = job().done(replace(EXACT, expression=0.3, **STRETCH), first)
    third = job().done(replace(EXACT, blend="box", from_=0.0, to=0.5), second)
    found, olds = third.pictures(), second.pictures()
    assert all(map(np.array_equal, found[15:], olds[15:]))
    assert not np.array_equal(found[5], olds[5])


@pytest.mark.parametrize("done", [19, 38, TOTAL])
def test_in_however_many_lives_the_result_is_the_same_bytes(
    job: NewJob, before: Before, done: int
) -> None:
    options = replace(SOFT, expression=0.3, **STRETCH)
    earlier, several = before(SOFT), job()
    wanted = job().done(options, earlier).result.read_bytes()
    with closing(several.life(options, earlier)) as steps:
        while next(steps).done < done:
            pass
    assert several.done(options, earlier).result.read_bytes() == wanted


@pytest.mark.parametrize("stretch", [(2.6, 3.0), (2.0, 3.0), (1.001, 1.002)])
def test_a_stretch_outside_of_the_result_is_refused(
    job: NewJob, before: Before, stretch: tuple[float, float]
) -> None:
    begins, ends = stretch
    earlier = before(SOFT)
    with pytest.raises(InvalidRequest, match="is not in the result, which lasts 2.50 s") as refused:
        job().done(replace(SOFT, from_=begins, to=ends), earlier)
    assert refused.value.hint == "Redo one between 0 and 2.5."


def test_a_blend_that_would_be_coded_otherwise_than_the_rest_is_refused(
    job: NewJob, tmp_path: Path
) -> None:
    """Box has 8 bits, and these packets, which would be beside its own, have 10."""
    face = tmp_path / "deep.mkv"
    words = ["ffmpeg", "-v", "error", "-i", str(clip("single_face.mp4")), "-an", "-t", "0.5"]
    subprocess.run([*words, "-c:v", "ffv1", "-pix_fmt", "yuv420p10le", str(face)], check=True)
    earlier, other = job(), job()
    earlier.face = other.face = face
    deep = Options(format="mkv", codec="lossless", blend="soft")
    earlier.done(deep)
    with pytest.raises(InvalidRequest, match="would code the stretch otherwise"):
        other.done(replace(deep, blend="box", **STRETCH), earlier)
    assert other.done(replace(deep, expression=0.3, **STRETCH), earlier).pictures()


def test_what_is_left_of_an_earlier_job_is_not_taken_for_whole(job: NewJob) -> None:
    earlier = job().done(Options(blend="box"))
    content = earlier.work.read_bytes()
    for left in (b"", content[: len(content) * 2 // 3]):
        earlier.work.write_bytes(left)
        with pytest.raises(InputGone, match="is gone|is not whole") as refused:
            job().done(Options(blend="box", **STRETCH), earlier)
        assert refused.value.hint == "Submit the job again."


def test_a_stretch_is_redone_though_the_daemon_is_killed_on_the_way(
    tmp_path: Path, neutral: Path, speak: Callable[[float], Path]
) -> None:
    """By the command line, to the same bytes as without the kill; each part that the stretch does
    not meet is the same packets as before."""
    weights = write_safetensors(tmp_path / "weights", random_generator())
    toml, words = f'checkpoint = "{weights}"\n', ("--crf", "51", "--blend", "box")
    redo = ("--redo", "12-16", "--audio-offset", "200")
    with ready(tmp_path, toml) as process:
        daemon = Daemon(tmp_path, process, speak(SECONDS))
        first = daemon.submit(*words, face=neutral)
        daemon.result_of(first)
        wanted = daemon.result_of(answer(tmp_path, "retry", first, *redo)["job"]["id"])
        job = answer(tmp_path, "retry", first, *redo)["job"]["id"]
        while answer(tmp_path, "status", job)["job"]["done"] < 250:
            pass
        process.end(signal.SIGKILL)
    with ready(tmp_path, toml) as process:
        daemon = Daemon(tmp_path, process, speak(SECONDS))
        assert daemon.result_of(job) == wanted
        assert f"job {job}: goes on after 250 of 500 frames" in process.log
    olds, found = (parts_in(tmp_path / "state/spool" / each / "work") for each in (first, job))
    assert [one == other for one, other in zip(olds, found, strict=True)] == [True, False]
