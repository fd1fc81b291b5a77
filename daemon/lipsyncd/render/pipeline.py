"""The render: a face and a voice become a video whose lips follow the voice.  Read this file first.

First the voice is heard and the face looked through: that is the scene.  Then the result is made in
parts of some seconds, by this process alone or by others as well.  A part streams in one direction.
A take is one frame of the result with its face and the window of sound heard with it; takes come in
one by one, the generator sees a batch of them at a time (dub.py), and the pictures go out in the
same order, through an encoder.  At last the parts are joined.  What is finished is kept in the
work file: if the process ends, the next one goes on from there.  Of a share of the result nothing
is joined: its work is what comes out, and another job's render goes on from it.
"""

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import BinaryIO

import av

from lipsyncd.errors import InputGone
from lipsyncd.media.kept import NOTHING, Kept, kept_of
from lipsyncd.media.output import Output, output_of
from lipsyncd.media.part import PartEncoder, read_packets, write_packets
from lipsyncd.media.result import new_result
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.dub import Made, dubbed
from lipsyncd.render.models import Models
from lipsyncd.render.parts import Alone, Others, share_of, stretches
from lipsyncd.render.scene import Files, Scene, Settings, key_of, staged
from lipsyncd.render.work import Kind, Work, hand_on

ALONE = Alone()
TOLD = 8  # pictures after which progress is told again; of the first it is at once


class TurnOver(Exception):
    """Other jobs come first now; the parts that are missing are made another time."""


# Writes the packets of the pictures of a part, telling now and then of how many.
Write = Callable[[Iterable[Made], BinaryIO], Iterator[int]]


def render(
    options: Options, files: Files, models: Models, settings: Settings, others: Others = ALONE
) -> Generator[Progress, None, None]:
    """Write the result of a job, or the work of a share of it; each yield is the progress.

    Raises InputError, InvalidRequest, DiskFull, DeviceLost, DeviceMemoryFull; TurnOver.
    """
    output = output_of(options, settings.crf, settings.preset)
    work = Work(files.work, key_of(options, models, settings))
    scene = yield from staged(work, files, options, models, settings)
    if len(scene.parts) > 1:
        work.settle()
    seconds = scene.total / scene.source.rate
    kept = kept_of(scene.source, output, seconds) if options.keep else NOTHING
    notes, (before, _) = (*scene.notes, *kept.notes), made_in(work, scene)
    write = partial(write_part, scene, output, files.moved)
    wanted = share_of(options.share, len(scene.parts))
    for done, faces in encode(scene, work, models, others, write, wanted=wanted):
        yield Progress(done, scene.total, faces, notes, before)
    if options.share is not None:
        return hand_on(work, wanted, files.result)
    for done, faces in join(scene, output, kept, work, files.result):
        yield Progress(done, scene.total, faces, notes, before)


def render_part(
    options: Options, files: Files, models: Models, settings: Settings, *, number: int
) -> Generator[Progress, None, None]:
    """Write the packets of one part of a job, whose work is another process's.

    Raises what `render` raises, and Stale.
    """
    output = output_of(options, settings.crf, settings.preset)
    work = Work(files.work, key_of(options, models, settings), is_lent=True)
    scene = yield from staged(work, files, options, models, settings)
    part = scene.parts[number]
    with dubbed(scene, [part], models) as made:
        for count in write_part(scene, output, files.moved, made, files.result):
            yield Progress(count, len(part), scene.faces_in(part[:count]))
    files.result.flush()


def encode(
    scene: Scene, work: Work, models: Models, others: Others, write: Write, *, wanted: range
) -> Iterator[tuple[int, int]]:
    """Make those of the wanted parts that are missing and this process's, and take in those of
    others.

    A yield is of how many frames there are now and then, and how many of them have a new mouth.
    Raises TurnOver if parts are missing at the end.
    """
    kept = work.of(Kind.PART)
    done, faces = made_in(work, scene)
    yield done, faces
    missing = [number in wanted and number not in kept for number in range(len(scene.parts))]
    claimed = others.claimed(stretches(missing))
    with dubbed(scene, map(scene.parts.__getitem__, claimed), models) as made:
        for number, of_part in groupby(made, lambda each: scene.part_at(each.number)):
            part = scene.parts[number]
            with work.added(Kind.PART, number) as file:
                for count in write(of_part, file):
                    yield done + count, faces + scene.faces_in(part[:count])
            done, faces = taken_in(others, work, scene)
            yield done, faces
    taken_in(others, work, scene)
    if not work.of(Kind.PART).keys() >= set(wanted):
        raise TurnOver


def taken_in(others: Others, work: Work, scene: Scene) -> tuple[int, int]:
    """Keep what was made, here and by others; how many frames there are, and with new mouths."""
    for number, packets in others.made():
        with packets, work.added(Kind.PART, number) as file:
            shutil.copyfileobj(packets, file)
    work.settle()
    return made_in(work, scene)


def made_in(work: Work, scene: Scene) -> tuple[int, int]:
    """How many frames of the result are in whole parts, and how many of them have a new mouth."""
    parts = [scene.parts[number] for number in work.of(Kind.PART)]
    return sum(map(len, parts)), sum(map(scene.faces_in, parts))


def write_part(
    scene: Scene,
    output: Output,
    moved: Callable[[], None],
    made: Iterable[Made],
    file: BinaryIO,
) -> Iterator[int]:
    """Write the packets of a part's pictures; a yield is how many of them are in, now and then."""
    encoder = PartEncoder(scene.source, output)
    for count, (_, picture) in enumerate(made, 1):
        write_packets(encoder.packets(picture), file)
        moved()
        if count == 1 or not count % TOLD:
            yield count
    write_packets(encoder.packets(None), file)


def join(
    scene: Scene, output: Output, kept: Kept, work: Work, file: BinaryIO
) -> Iterator[tuple[int, int]]:
    """The parts as one file, with the voice beside them; yields are as those of `encode`."""
    source, is_cut = scene.source, scene.options.extend == "cut"
    with new_result(file, source, scene.voices, output, kept, is_cut=is_cut) as result:
        for number, record in sorted(work.of(Kind.PART).items()):
            packets = read_packets(work.reading(record), 1 / source.rate)
            result.add(counted(packets, len(scene.parts[number])))
            yield made_in(work, scene)


def counted(packets: Iterable[av.Packet], count: int) -> Iterator[av.Packet]:
    """The packets of a part, which must be as many as it has pictures: no result lacks some."""
    found = 0
    for packet in packets:
        yield packet
        found += 1
    if found != count:
        words = f"What was made of it before is not whole: a part has {found} of {count} packets."
        raise InputGone(words, "Submit the job again, and all of it is made anew.")
