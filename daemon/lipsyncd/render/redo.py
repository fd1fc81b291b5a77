"""A redo: a stretch of an earlier result is made with other options, the rest stays as it was.

The work file of the earlier job has its parts.  Those that the stretch does not meet are taken
over, packet by packet, and so is what can be of the others.  The rest is decoded, made anew in the
stretch, with a short fade inside its edges, and encoded again.
"""

import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain, islice
from typing import Any, BinaryIO

import av
import msgpack

from lipsyncd.errors import InputGone, InvalidRequest
from lipsyncd.media.fade import between
from lipsyncd.media.groups import around, begins_of
from lipsyncd.media.kept import NOTHING, kept_of
from lipsyncd.media.output import Output, output_of
from lipsyncd.media.part import PartEncoder, decoded, read_packets, write_packets
from lipsyncd.protocol.choices import refused
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.dub import dubbed
from lipsyncd.render.hearing import minds_silence
from lipsyncd.render.inputs import examined_face
from lipsyncd.render.models import Models
from lipsyncd.render.pipeline import join, made_in
from lipsyncd.render.scene import Files, Scene, Settings, inside, key_of, staged
from lipsyncd.render.work import Kind, Record, Work, found_in

PLANNED_BY = ("who", "box", "blend")  # of what a client may choose anew, what a plan depends on


class Earlier:
    """The work file of the job of which a stretch is redone, to be read."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises InputGone if it is not whole."""
        records = list(found_in(file))
        if not records:
            raise InputGone("What the earlier job had made is gone.", "Submit the job again.")
        self.work = Work(file, content_of(file, records[0]), is_lent=True)
        self.key: dict[str, Any] = msgpack.unpackb(self.work.read(records[0]))
        self._parts = self.work.of(Kind.PART)

    def packets(self, number: int, rate: Fraction) -> Iterator[av.Packet]:
        """What a part consists of."""
        return read_packets(self.work.reading(self._parts[number]), 1 / rate)

    def refuse_other(self, scene: Scene, moved: Callable[[], None]) -> None:
        """Raise InputGone unless there are the parts of a scene: a packet is a frame."""
        rate, counts = scene.source.rate, []
        for number in sorted(self._parts):
            counts.append(0)
            for _ in self.packets(number, rate):
                counts[-1] += 1
                moved()
        if counts != list(map(len, scene.parts)):
            raise InputGone("What the earlier job had made is not whole.", "Submit the job again.")


@dataclass(frozen=True)
class Stretch:
    """What is redone of a scene, the parts of the earlier result, and how they are coded."""

    scene: Scene
    options: Options
    earlier: Earlier
    output: Output

    @cached_property
    def frames(self) -> range:
        """Those that are made anew.  Raises InvalidRequest if there are none, or fewer than wanted
        since it is outside of the result."""
        begins, ends = self.options.from_ or 0, self.options.to
        lasts, frame = self.seconds, 1 / self.scene.source.rate
        made = [number for number in range(self.scene.total) if self.share(number)]
        if not made or (ends is not None and ends > lasts + frame):
            stretch = f"{begins:g}-{'' if ends is None else f'{ends:g}'}"
            raise InvalidRequest(
                f"The stretch {stretch} is not in the result, which lasts {float(lasts):.2f} s.",
                f"Redo one between 0 and {int(100 * lasts) / 100:g}.",
            )
        return range(made[0], made[-1] + 1)

    @property
    def seconds(self) -> Fraction:
        """How long the result is."""
        return self.scene.total / self.scene.source.rate

    @cached_property
    def _faded(self) -> Options:
        """At the end of the result there is nothing to fade to."""
        ends = self.options.to
        return replace(self.options, to=None if ends is None or ends >= self.seconds else ends)

    def share(self, number: int) -> float:
        """How far a frame of the result is a new one, 0 to 1."""
        return inside(self._faded, number / self.scene.source.rate)

    def within(self, frames: range) -> range:
        """Those of some frames that are made anew."""
        start, stop = max(frames.start, self.frames.start), min(frames.stop, self.frames.stop)
        return range(start, max(start, stop))


def redo(
    options: Options, files: Files, models: Models, settings: Settings
) -> Generator[Progress, None, None]:
    """Write the result of a job that redoes a stretch, from `from_` to `to`, of an earlier one.

    Raises what `render` does, InputGone and InvalidRequest.
    """
    assert files.earlier
    earlier = Earlier(files.earlier)
    crf, preset = earlier.key["crf"], earlier.key["preset"]  # so that all parts go together
    output = output_of(options, crf, preset)
    whole = replace(options, from_=None, to=None)
    work = Work(files.work, key_of(options, models, settings))
    if not work.of(Kind.PLAN) and is_of_same_plan(earlier.key, whole, models, settings):
        take_over(earlier.work, work, whole)
    scene = yield from staged(work, files, whole, models, settings)
    earlier.refuse_other(scene, files.moved)
    once = Options.from_map(earlier.key["options"])
    if once.bits != whole.bits and examined_face(files.face, once).final != scene.source.final:
        raise refused("that blend would code the stretch otherwise than the rest is")
    stretch = Stretch(scene, options, earlier, output)
    kept = kept_of(scene.source, output, stretch.seconds) if options.keep else NOTHING
    notes, (before, _) = (*scene.notes, *kept.notes), made_in(work, scene)
    made = made_anew(stretch, work, models, files.moved)
    for done, faces in chain(made, join(scene, output, kept, work, files.result)):
        yield Progress(done, scene.total, faces, notes, before)


def is_of_same_plan(
    key: dict[str, Any], options: Options, models: Models, settings: Settings
) -> bool:
    """Whether the earlier job has looked and listened as this one would."""
    mine = msgpack.unpackb(key_of(options, models, settings))
    once, now = key["options"], mine["options"]
    is_alike = all(once.get(name) == now[name] for name in PLANNED_BY)
    is_heard = not minds_silence(options) or minds_silence(Options.from_map(once))
    same = ("format", "conventions", "models", "detect_every")
    return is_alike and is_heard and all(key[name] == mine[name] for name in same)


def take_over(earlier: Work, work: Work, options: Options) -> None:
    """The plan and what was heard."""
    kinds = [Kind.MEL, *([Kind.SPEECH] if minds_silence(options) else []), Kind.PLAN]
    for record in chain.from_iterable(earlier.of(kind).values() for kind in kinds):
        with work.added(record.kind, record.number) as file:
            shutil.copyfileobj(earlier.reading(record), file)


def made_anew(
    stretch: Stretch, work: Work, models: Models, moved: Callable[[], None]
) -> Iterator[tuple[int, int]]:
    """Make the parts that are not there; a yield is how many frames there are, and how many of them
    have a new mouth."""
    scene, earlier, rate = stretch.scene, stretch.earlier, stretch.scene.source.rate
    yield made_in(work, scene)
    missing = list(enumerate(scene.parts))[len(work.of(Kind.PART)) :]
    anew = filter(None, [stretch.within(frames) for _, frames in missing])
    with dubbed(scene, anew, models) as made:
        news = (picture for _, picture in made)
        for number, frames in missing:
            packets = earlier.packets(number, rate)
            if stretch.within(frames):
                begins = begins_of(earlier.packets(number, rate))
                packets = mended(packets, stretch, frames, begins, news)
            with work.added(Kind.PART, number) as file:
                for packet in packets:
                    write_packets([packet], file)
                    moved()
            work.settle()
            yield made_in(work, scene)


def mended(
    packets: Iterator[av.Packet],
    stretch: Stretch,
    frames: range,
    begins: list[int],
    news: Iterator[av.VideoFrame],
) -> Iterator[av.Packet]:
    """The packets of a part, with the new pictures in the groups that the stretch meets."""
    inner, first = stretch.within(frames), frames.start
    again = around(range(inner.start - first, inner.stop - first), begins)
    yield from islice(packets, again.start)
    source, output = stretch.scene.source, stretch.output
    encoder = PartEncoder(source, output, again.start)
    olds = decoded(islice(packets, len(again)), source, output)
    for number, old in enumerate(olds, first + again.start):
        share = stretch.share(number)
        picture = between(old, encoder.fitted(next(news)), share) if share else old
        yield from encoder.packets(picture)
    yield from encoder.packets(None)
    yield from packets


def content_of(file: BinaryIO, record: Record) -> bytes:
    """What a record of a file holds."""
    file.seek(record.start)
    return file.read(record.stop - record.start)
