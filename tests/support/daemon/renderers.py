"""Renders for tests of the control plane: no picture in them, and a pace that the test sets."""

import base64
import os
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from queue import SimpleQueue

from lipsyncd.config import Config
from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.preflight import Preflight
from lipsyncd.protocol.probe import Away, Probe, Shown, Stream, Sync
from lipsyncd.protocol.review import Moment, Review

Steps = Generator[Progress, None, None]
Render = Callable[[Options, Paths], Steps]


class Gate:
    """A render of three steps that waits before each until the test lets it go on.

    `at` gets the number of every step it has come to; `closed` is set once it is over.
    """

    def __init__(self) -> None:
        self.at: SimpleQueue[int] = SimpleQueue()
        self.closed = threading.Event()
        self._steps = threading.Semaphore(0)

    def let_go(self, steps: int = 3) -> None:
        self._steps.release(steps)

    def render(self, _options: Options, paths: Paths, *_: object) -> Steps:
        part = paths.result.with_name("result.part")
        try:
            part.write_bytes(b"".join(map(Path.read_bytes, (paths.face, *paths.voices))))
            for step in range(1, 4):
                self.at.put(step)
                self._steps.acquire()
                yield Progress(step, 3, step)
            part.replace(paths.result)
        finally:
            part.unlink(missing_ok=True)
            self.closed.set()


def at_once(_options: Options, paths: Paths, *_: object) -> Steps:
    """The face and the voice, one after the other, in one step."""
    paths.result.write_bytes(b"".join(map(Path.read_bytes, (paths.face, *paths.voices))))
    yield Progress(3, 3, 2)


def endless(_options: Options, paths: Paths, *_: object) -> Steps:
    """Never done."""
    paths.result.with_name("result.part").write_bytes(b"half")
    while True:
        yield Progress(1, 3, 1)


def raising(error: Exception) -> Render:
    """One step, then an error."""

    def render(_options: Options, _paths: Paths, *_: object) -> Steps:
        yield Progress(1, 3, 1)
        raise error

    return render


# of one grey pixel
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERX"
    "RTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/wAALCAABAAEBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcI"
    "CQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcY"
    "GRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKj"
    "pKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/ACv/"
    "2Q=="
)
PROBE = Probe(
    streams=(Stream("video", "h264", "yuv420p", 640, 480, 25.0),),
    width=640,
    height=480,
    rate=25.0,
    aspect=1.0,
    rotation=0,
    is_mirrored=False,
    colour="BT709, limited range",
    seconds=2.0,
    looked_seconds=2.0,
    cuts=(1.0,),
    faces=(Shown(0.0, 2.0, (200, 100, 400, 300), turn=0.1, coverage=0.5, voice=1),),
    gaps=(Away(1.0, 2.0, "There is no face"),),
    coverage=0.5,
    sync=Sync(offset_ms=40, cosine=0.4, is_in_sync=True),
    voices=(2.0,),
    frames=50,
    result_seconds=2.0,
    error=None,
    warnings=("There is no face at 0:01.0-0:02.0: the picture is left as it is.",),
)


REVIEW = Review(
    seconds=25.0,
    looked_seconds=2.0,
    rate=4.0,
    loudness=(0.0, 0.5, 1.0, 0.5, 0.25, 0.0, 0.0, 0.0),
    opening=(0.0, 0.1, 0.2, 0.1, None, None, 0.05, 0.0),
    cuts=(1.0,),
    gaps=(Away(1.0, 1.5, "There is no face"),),
    sync=Sync(offset_ms=-40, cosine=0.4, is_in_sync=True),
    moments=(
        Moment(0.5, "Lips are most open", JPEG, JPEG),
        Moment(1.25, "There is no face: left as it was", None, JPEG),
    ),
    looking_seconds=0.25,
    missing=("One thing is <missing>.",),
)


class PacedRenderer:
    """A data plane of one render; what is asked before a job waits for `may_answer`.

    `proofs` gets an item for each look at its device, which raises `fault`, if there is one; a
    reload raises `refusal`.
    """

    def __init__(self, render: Render) -> None:
        self.render = render
        self.proofs: SimpleQueue[None] = SimpleQueue()
        self.preflights: SimpleQueue[Preflight] = SimpleQueue()
        self.ended: SimpleQueue[Preflight] = SimpleQueue()  # of these
        self.handed: list[int] = []  # how many files came with each
        self.review = REVIEW.to_bytes()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.reloads: list[Config] = []
        self.fault: LipsyncError | None = None
        self.refusal: LipsyncError | None = None

    def preflight(self, asked: Preflight, files: Sequence[int]) -> Generator[None, None, None]:
        """A probe and a review are the same each time; a preview is the files themselves."""
        self.handed.append(len(files))
        self.preflights.put(asked)
        try:
            while not self.may_answer.wait(0.01):
                yield
        finally:
            self.ended.put(asked)
        inputs = b"".join(os.pread(each, 1 << 20, 0) for each in files[:-1])
        told = {"probe": PROBE.to_json(), "review": self.review}
        os.write(files[-1], told.get(asked.task, inputs))

    def check(self) -> None:
        self.proofs.put(None)
        if self.fault:
            raise self.fault

    def describe(self) -> dict[str, object]:
        passes = {"count": 4, "rows": 24, "room": 32, "seconds": 0.5}
        return {
            **{"device": "none", "checkpoint": "none", "reloads": len(self.reloads)},
            "plans": {"hits": 3, "misses": 1},
            "devices": [{**each, "passes": passes} for each in self.devices()],
        }

    def devices(self) -> list[dict[str, object]]:
        used = {"resident_bytes": 3 << 20, "proof_seconds_ago": 0.5, "restarts": 0, "jobs": 0}
        return [{"device": "none", "state": "ready", **used}]

    def watch(self, on_change: Callable[[], None]) -> None:
        pass  # its device is never lost

    def reload(self, config: Config, report: Callable[[str], None]) -> str:
        report("loading nothing once more")
        if self.refusal:
            raise self.refusal
        self.reloads.append(config)
        return "nothing is loaded anew"
