"""What is kept of a face's file: its sound, subtitles, chapters and metadata, as they are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
from av.stream import Disposition, Stream

from lipsyncd.media.container import Media, open_container
from lipsyncd.media.images import Images
from lipsyncd.media.output import Output
from lipsyncd.media.packets import Packets
from lipsyncd.media.source import Source
from lipsyncd.media.trial import Trial
from lipsyncd.protocol.outputs import FORMATS

KINDS = {"audio": "sound", "subtitle": "subtitles"}  # of streams, as libav and as people call them
OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # it says of itself
OF_A_TRACK = ("language", "title")  # metadata
MOST_CHAPTERS = 1000
MOST_NAMED = 6  # tracks in a note

Chapter = dict[str, Any]  # as PyAV has it: start and end in its time_base


@dataclass(frozen=True)
class Kept:
    """`tracks` are numbers of streams, `begin` is when the first picture is due in the face's file,
    in seconds; chapters begin with it, and end with the result."""

    tracks: tuple[int, ...] = ()
    begin: Fraction = Fraction(0)
    metadata: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING = Kept()


def kept_of(source: Source, output: Output, seconds: Fraction) -> Kept:
    """What a result of so many seconds can keep; its file is read as far as that.

    Raises TruncatedMedia, DecodingTooSlow, DiskFailed.
    """
    with open_container(source.path, source.name) as media:
        if isinstance(media, Images):
            return NOTHING
        begin = source.start * (media.video(source.track).time_base or Fraction(0))
        tracks = [each for each in media.container.streams if each.type in KINDS]
        passed = tried(tracks, media, output, begin + seconds)
        metadata = {name.lower(): value for name, value in media.container.metadata.items()}
        chapters = cast(list[Chapter], media.container.chapters())
        return Kept(
            tuple(each.index for each in tracks if each in passed),
            begin,
            {name: value for name, value in metadata.items() if name not in OF_THE_FILE},
            tuple(clipped(chapters[:MOST_CHAPTERS], begin, seconds)),
            noted(tracks, passed, output),
        )


def tried(tracks: list[Stream], media: Media, output: Output, end: Fraction) -> list[Stream]:
    """The tracks whose packets the format takes, up to a time in the face's file."""
    trials = {each.index: Trial(each, output.muxer) for each in tracks if each.codec_context}
    for packet in media.packets(*tracks) if trials else ():
        if packet.dts is not None and packet.dts * packet.time_base > end:
            break
        if packet.size and packet.stream_index in trials:
            trials[packet.stream_index].packet(packet)
        media.renew()
    passed = {index for index, trial in trials.items() if trial.end()}
    return [each for each in tracks if each.index in passed]


def clipped(chapters: list[Chapter], begin: Fraction, seconds: Fraction) -> Iterator[Chapter]:
    """The chapters, by the time of the result; those outside of it are left out."""
    for chapter in chapters:
        base = chapter["time_base"]
        start, end = (
            min(max(chapter[edge] * base - begin, Fraction(0)), seconds)
            for edge in ("start", "end")
        )
        if base and start < end:
            yield chapter | {"start": round(start / base), "end": round(end / base)}


def noted(tracks: list[Stream], passed: list[Stream], output: Output) -> tuple[str, ...]:
    """Which tracks are not kept."""
    lost, numbers = [], dict.fromkeys(KINDS, 0)
    for each in tracks:
        numbers[each.type] += 1
        if each not in passed:
            lost.append(f"{KINDS[each.type]} {numbers[each.type]}{named(each)}")
    if not lost:
        return ()
    names = ", ".join(lost[:MOST_NAMED]) + (" and others" if lost[MOST_NAMED:] else "")
    return (f"{FORMATS[output.format].title} cannot hold all of the face's tracks: {names}.",)


def named(track: Stream) -> str:
    """The codec in brackets, if it has a name."""
    context = track.codec_context
    return f" ({context.codec.canonical_name})" if context else ""


@contextmanager
def kept_packets(
    kept: Kept, source: Source, result: av.container.OutputContainer
) -> Iterator[Packets]:
    """What is kept of the tracks, on its way into a result; the face's file is open meanwhile."""
    if not kept.tracks:
        yield Packets(iter(()))
        return
    with open_container(source.path, source.name) as media:
        yield Packets(copied(kept, media, result))


def copied(kept: Kept, media: Media, result: av.container.OutputContainer) -> Iterator[av.Packet]:
    """The tracks' own packets, moved in time so that the first picture is at 0; none before it."""
    tracks = [media.container.streams[index] for index in kept.tracks]
    targets = {each.index: copy_of(each, result) for each in tracks}
    for packet in media.packets(*tracks):
        if packet.dts is None or packet.pts is None or not packet.size:
            continue
        shift = round(kept.begin / packet.time_base)
        packet.dts -= shift
        packet.pts -= shift
        if packet.dts >= 0:
            packet.stream = targets[packet.stream_index]
            yield packet
        media.renew()


def copy_of(track: Stream, result: av.container.OutputContainer) -> Stream:
    """A track of the result for the packets of another; of all sound players take the voice."""
    target = result.add_stream_from_template(track)
    target.disposition = Disposition(int(track.disposition) & ~int(Disposition.default))
    target.metadata.update(
        {name: track.metadata[name] for name in OF_A_TRACK if name in track.metadata}
    )
    return target
