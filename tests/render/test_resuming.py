"""A render that ends in the middle goes on with the first part that is not whole."""

import signal
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.daemon.process import ready
from support.daemon.served import Daemon, answer
from support.media.clips import clip

from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render import parts
from lipsyncd.render.pipeline import render
from lipsyncd.render.process import Settings
from lipsyncd.render.scene import Files

SETTINGS = Settings(crf=30, preset="ultrafast", detect_every=5, max_voice_seconds=600)
TOTAL, PART, BATCH = 60, 15, 4  # frames of a result, of a part of it, and of a batch
SECONDS, FIRST_PART = 30.0, 250  # of a longer one: its length, and the frames of its first part


class Counted(InProcess):
    """Models that know how many mouths they have made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(models_of(write_safetensors(folder / "weights", random_generator())))
        self.made, make = 0, self.mouths

        def counted(crops: np.ndarray, *inputs: object) -> np.ndarray:
            self.made += len(crops)
            return make(crops, *inputs)

        self.mouths = counted


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return Counted(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SECONDS", PART / 24)


def life(
    folder: Path, voice: Path, models: Counted, options: Options
) -> Generator[Progress, None, None]:
    """A render, which goes on from the work of the one before."""
    (folder / "work").touch()
    with (folder / "result").open("w+b") as result, (folder / "work").open("r+b") as work:
        files = Files(clip("single_face.mp4"), (voice,), result, work)
        yield from render(options, files, models, SETTINGS)


def whole(folder: Path, voice: Path, models: Counted, options: Options) -> bytes:
    for _ in life(folder, voice, models, options):
        pass
    return (folder / "result").read_bytes()


@pytest.mark.parametrize(
    ("extend", "done"),
    [("pingpong", 0), ("pingpong", PART + 5), ("loop", 2 * PART + 5), ("pingpong", TOTAL)],
)
def test_in_however_many_lives_the_result_is_the_same_bytes(
    tmp_path: Path, speak: Callable[[float], Path], models: Counted, extend: str, done: int
) -> None:
    options, voice = Options(extend=extend, blend="soft"), speak(TOTAL / 24)
    folders = [tmp_path / name for name in ("one", "several")]
    for folder in folders:
        folder.mkdir()
    begun = models.made
    wanted = whole(folders[0], voice, models, options)
    once, begun = models.made - begun, models.made
    for _ in range(2):
        with closing(life(folders[1], voice, models, options)) as steps:
            while next(steps).done < done:
                pass
    assert whole(folders[1], voice, models, options) == wanted
    again = models.made - begun - once
    print(f"\n  {once} mouths in one life, {again} more in three")
    assert again <= 2 * (PART + 8 * BATCH)


def test_a_job_whose_daemon_is_killed_goes_on_in_the_next_life(
    tmp_path: Path, neutral: Path, speak: Callable[[float], Path]
) -> None:
    weights = write_safetensors(tmp_path / "weights", random_generator())
    toml, words = f'checkpoint = "{weights}"\n', ("--crf", "51", "--blend", "box")
    with ready(tmp_path, toml) as process:
        daemon = Daemon(tmp_path, process, speak(SECONDS))
        wanted = daemon.result_of(daemon.submit(*words, face=neutral))
        job = daemon.submit(*words, face=neutral)
        while answer(tmp_path, "status", job)["job"]["done"] <= FIRST_PART:
            pass
        process.end(signal.SIGKILL)
    with ready(tmp_path, toml) as process:
        daemon = Daemon(tmp_path, process, speak(SECONDS))
        assert daemon.result_of(job) == wanted
        assert f"job {job}: goes on after {FIRST_PART} of " in process.log
