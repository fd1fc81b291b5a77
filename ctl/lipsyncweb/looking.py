"""A look at files before there is a job: a probe, pictures of the faces in it, and a preview."""

import io
import math
import tempfile
import wave
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from PIL import Image

from lipsyncd.errors import LipsyncError, QueueFull
from lipsyncweb.jobs import Jobs
from lipsyncweb.show import inline

RATE = 8000  # of the hum
MOST_MOMENTS, MOST_PEOPLE = 3, 8  # of which pictures are made
AROUND = 0.35  # of a face's size, seen beside it
MOST_KNOWN = 200  # files that were looked at
SIDE, WIDTH = 144, 960  # pixels of a small picture, and of a preview
PATIENCE, PAUSE = 60.0, 0.2  # seconds for what this user looks at elsewhere

Probe = Mapping[str, Any]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Person:
    """A face that may be chosen: as `who` of the options, and its picture as an address."""

    who: str
    picture: str


class Looking:
    """Its own files lie in `folder` meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._probes: dict[tuple[Path | str | None, ...], Probe] = {}
        self._people: dict[Path, list[Person]] = {}

    def probe(self, jobs: Jobs, face: Path, voices: list[Path], who: str | None) -> Probe:
        """What a render would meet; it is remembered, since uploads are called by their content.

        Raises what `Client.probe` does.
        """
        chosen = {"who": who} if who else {}
        return remembered(
            self._probes,
            (face, who, *voices),
            lambda: patiently(lambda: jobs.probe(face, voices, **chosen)),
        )

    def people(self, jobs: Jobs, face: Path, probe: Probe) -> list[Person]:
        """The faces in a probe that can be chosen, at the times in the middle of their shots."""
        return remembered(self._people, face, lambda: self._seen(jobs, face, probe))

    def _seen(self, jobs: Jobs, face: Path, probe: Probe) -> list[Person]:
        found: list[Person] = []
        pictures: dict[float, Image.Image] = {}
        for each in probe["faces"][:MOST_PEOPLE]:
            at = round((each["start"] + each["end"]) / 2, 1)
            if at not in pictures and len(pictures) == MOST_MOMENTS:
                continue
            pictures[at] = pictures.get(at) or self._source(jobs, face, at)
            box = [edge * pictures[at].width / probe["width"] for edge in each["box"]]
            left, top, right, bottom = each["box"]
            who = f"{(left + right) // 2},{(top + bottom) // 2}@{at:g}"
            found.append(Person(who, inline(small(pictures[at], box))))
        return found

    def preview(
        self, jobs: Jobs, face: Path, voices: list[Path], at: float, **options: Any
    ) -> bytes:
        """A JPEG of the frame at a time.  Raises what `Client.preview` does."""
        return jpeg(self._frame(jobs, face, voices, at, **options), WIDTH)

    def picture(self, jobs: Jobs, face: Path) -> bytes | None:
        """A small picture of a face's first frame, None if there is none."""
        try:
            return small(self._source(jobs, face, 0.0))
        except LipsyncError:
            return None

    def _source(self, jobs: Jobs, face: Path, at: float) -> Image.Image:
        """The picture as it is at a time, of whatever the daemon can read: no lips move in it."""
        with hum(self._folder, at + 1) as voice:
            return self._frame(jobs, face, [voice], at, to=0.0)

    def _frame(
        self, jobs: Jobs, face: Path, voices: list[Path], at: float, **options: Any
    ) -> Image.Image:
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            path = Path(scratch, "frame.png")
            patiently(lambda: jobs.preview(face, voices, path, at, **options))
            with Image.open(path) as picture:
                return picture.convert("RGB")


def remembered(known: dict[Any, Found], key: object, find: Callable[[], Found]) -> Found:
    """What is known by this key, or else is found; of too much all is forgotten."""
    if (found := known.get(key)) is None:  # asked once: another thread may forget all
        found = find()
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[key] = found
    return found


def patiently(ask: Callable[[], Probe]) -> Probe:
    """The answer; the daemon looks at one thing at a time for a user, who may have more tabs."""
    begun = monotonic()
    while True:
        try:
            return ask()
        except QueueFull:
            if monotonic() > begun + PATIENCE:
                raise
            sleep(PAUSE)


@contextmanager
def hum(folder: Path, seconds: float) -> Iterator[Path]:
    """A voice that says nothing, for whoever has none yet."""
    second = array("h", (int(8000 * math.sin(at / RATE * 1400)) for at in range(RATE)))
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".wav") as file:
        with wave.open(file, "wb") as sound:
            sound.setparams((1, 2, RATE, 0, "NONE", ""))
            sound.writeframes(second.tobytes() * math.ceil(seconds))
        file.flush()
        yield Path(file.name)


def small(picture: Image.Image, box: list[float] | None = None) -> bytes:
    """A square JPEG of what is in the box, and a little around; of the whole without one."""
    left, top, right, bottom = box or (0, 0, *picture.size)
    half = max(right - left, bottom - top) / 2 * (1 + AROUND) if box else min(picture.size) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    edges = (round(x - half), round(y - half), round(x + half), round(y + half))
    return jpeg(picture.crop(edges), SIDE)


def jpeg(picture: Image.Image, side: int) -> bytes:
    """No side of it longer than that."""
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
