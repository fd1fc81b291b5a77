"""Renders at the same time share batches, and each result is what it is alone, to the last bit.

Their pictures are encoded without loss, so that what the encoder was given is seen.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import av
import pytest
import torch
from support.checkpoints import SHIPPED, InProcess
from support.media.clips import clip

from lipsyncd.model.batcher import Batcher, Request
from lipsyncd.model.generator import Generator
from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import render
from lipsyncd.render.process import Settings
from lipsyncd.render.scene import Files

BATCH = 16  # more than some of the jobs have frames
LOSSLESS = Options(crf=0)
SETTINGS = Settings(crf=18, preset="veryfast", detect_every=5, max_voice_seconds=60)


@dataclass(frozen=True)
class Job:
    """A face, a voice, and how they are rendered."""

    face: Path
    voice: Path
    options: Options = LOSSLESS


@dataclass(frozen=True)
class Alone:
    """What a job was by itself: its pictures, and the passes that it took."""

    pictures: list[str]
    passes: int


class Device:
    """Tells of each request for mouths and counts the generator's passes, which can be held."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.passes = 0
        self.reached = threading.Event()
        self._go_on = threading.Event()
        self._go_on.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """The next pass, once it is `reached`, does not go on before the end of the block."""
        self.asked = threading.Semaphore(0)
        self.reached.clear()
        self._go_on.clear()
        try:
            yield
        finally:
            self._go_on.set()

    def see(self) -> None:
        self.passes += 1
        self.reached.set()
        self._go_on.wait()


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    seen, enter, speak = Device(), Batcher._enter, Generator.speak

    def asking(batcher: Batcher, request: Request) -> None:
        enter(batcher, request)
        seen.asked.release()

    def speaking(generator: Generator, *inputs: Any) -> torch.Tensor:
        seen.see()
        return speak(generator, *inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batcher, "_enter", asking)
        patch.setattr(Generator, "speak", speaking)
        yield seen


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, device: Device) -> InProcess:
    cache = tmp_path_factory.mktemp("cache")
    return InProcess(load_models(Wanted("cpu", SHIPPED, BATCH, cache), print))


@pytest.fixture(scope="module")
def jobs(neutral: Path, paper: Path, speak: Callable[[float], Path]) -> dict[str, Job]:
    return {
        "video": Job(clip("single_face.mp4"), paper),
        "still": Job(neutral, speak(0.3)),
        "group": Job(clip("multi_face.jpg"), speak(0.24)),
        "leaving": Job(clip("face_noface.mov"), speak(3.0)),
        "boxed": Job(clip("single_face.jpg"), speak(0.8), replace(LOSSLESS, blend="box")),
    }


def steps_of(models: InProcess, job: Job, result: Path) -> Iterator[Progress]:
    """The render of a job."""
    with result.open("x+b") as file, TemporaryFile() as work:
        files = Files(job.face, (job.voice,), file, work)
        yield from render(job.options, files, models, SETTINGS)


def rendered(models: InProcess, job: Job, result: Path) -> list[str]:
    """The pictures of the result, each as its hash."""
    for _ in steps_of(models, job, result):
        pass
    with av.open(str(result)) as container:
        pictures = (frame.to_ndarray() for frame in container.decode(video=0))
        return [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]


@pytest.fixture(scope="module")
def alone(
    models: InProcess,
    device: Device,
    jobs: dict[str, Job],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Alone]:
    folder, found = tmp_path_factory.mktemp("alone"), {}
    for name, job in jobs.items():
        before = device.passes
        pictures = rendered(models, job, folder / name)
        found[name] = Alone(pictures, device.passes - before)
    return found


@pytest.mark.parametrize(
    "names",
    [("video", "leaving"), ("video", "still", "group"), ("video", "still", "group", "boxed")],
    ids=len,
)
def test_a_result_does_not_depend_on_what_is_rendered_beside_it(  # noqa: PLR0917
    models: InProcess,
    device: Device,
    jobs: dict[str, Job],
    alone: dict[str, Alone],
    names: tuple[str, ...],
    tmp_path: Path,
) -> None:
    before, results = device.passes, []
    with ThreadPoolExecutor(len(names)) as pool:
        with device.held():  # the first in its first pass, until all others wait
            for name in names:
                results.append(pool.submit(rendered, models, jobs[name], tmp_path / name))
                device.asked.acquire()
                device.reached.wait()
        for name, result in zip(names, results, strict=True):
            assert result.result() == alone[name].pictures
    passes, one_by_one = device.passes - before, sum(alone[name].passes for name in names)
    print(f"\n  {passes} passes, {one_by_one} one by one")
    assert passes < one_by_one or len(names) == 2  # the still's and the group's are one


def test_a_cancelled_render_does_not_touch_the_one_beside_it(
    models: InProcess,
    device: Device,
    jobs: dict[str, Job],
    alone: dict[str, Alone],
    tmp_path: Path,
) -> None:
    cancelled, other = jobs["leaving"], jobs["video"]
    steps = steps_of(models, cancelled, tmp_path / "cancelled")
    while not next(steps).done:
        pass
    with ThreadPoolExecutor() as pool:
        with device.held():
            result = pool.submit(rendered, models, other, tmp_path / "other")
            device.reached.wait()
            closed = pool.submit(steps.close)
        closed.result()
        assert result.result() == alone["video"].pictures
