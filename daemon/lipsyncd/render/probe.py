"""The probe: a look at a face and its voices, as a render would take it, before there is a job.

A long video is looked at for a minute; what its headers state is told of all of it.
"""

from collections.abc import Generator

import av

from lipsyncd.errors import InputError, LipsyncError
from lipsyncd.media.container import open_container
from lipsyncd.media.header import stated_seconds
from lipsyncd.media.images import Images
from lipsyncd.media.source import Source
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.probe import Stream
from lipsyncd.render.gaps import refuse_gaps
from lipsyncd.render.inputs import examined_face, examined_voices
from lipsyncd.render.looking import looked_through
from lipsyncd.render.models import Models
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.report import Header, Looked, report
from lipsyncd.render.scene import (
    Files,
    Settings,
    planner_of,
    spoken_of,
)
from lipsyncd.render.sync import own_sync

LOOKED_SECONDS = 60  # of a video


def probe(
    options: Options, files: Files, models: Models, settings: Settings
) -> Generator[Progress, None, None]:
    """Write a Probe, as JSON.

    Raises InputError if the face cannot be read at all, and InvalidRequest; what else a render
    would raise is told.
    """
    source = examined_face(files.face, options)
    voices, deaf = heard(files, options, settings)
    most = round(LOOKED_SECONDS * source.rate)
    if voices and options.extend != "silence":
        most = min(most, spoken_of(voices, source))
    planner = planner_of(source, files, options, models, settings)
    yield from looked_through(source, most, planner)
    plan, blind = planned(planner, options, source)
    sync, error = own_sync(source, plan, models), deaf or blind
    looked = Looked(source, header_of(source), voices, planner, plan, sync=sync, error=error)
    files.result.write(report(looked, options).to_json())


def heard(
    files: Files, options: Options, settings: Settings
) -> tuple[list[Voice], LipsyncError | None]:
    """The voices, if there are any, or why they are of no use."""
    try:
        return examined_voices(files.voices, options, settings.max_voice_seconds), None
    except InputError as error:
        return [], error


def planned(planner: Planner, options: Options, source: Source) -> tuple[Plan, LipsyncError | None]:
    """The plan, without faces if none is of use; and why a render would refuse it."""
    plan = Plan(planner.frames, ())
    try:
        plan = planner.plan()
        refuse_gaps(plan.gaps, plan.frames, options, source.rate)
    except InputError as error:
        return plan, error
    return plan, None


def header_of(source: Source) -> Header:
    """Raises what opening the file raises."""
    with open_container(source.path, source.name) as media:
        if isinstance(media, Images):
            rate = media.video().average_rate
            size = source.width, source.height
            form = media.form.lower()
            image = Stream("image", form, None, *size, rate=float(rate) if rate else None)
            return Header((image,), None)
        streams = tuple(map(stream_of, media.container.streams))
        seconds = stated_seconds(media, media.video(source.track))
    return Header(streams, seconds or None)


def stream_of(stream: av.stream.Stream) -> Stream:
    """A stream as its header has it."""
    context = stream.codec_context
    if isinstance(stream, av.VideoStream):
        rate = float(stream.average_rate) if stream.average_rate else None
        video = stream.codec_context
        size = video.width, video.height
        return Stream("video", video.codec.name, video.pix_fmt, *size, rate=rate)
    if isinstance(stream, av.AudioStream):
        sound = stream.codec_context
        samples = sound.format.name if sound.format else None
        channels = sound.layout.nb_channels
        rate = float(sound.rate or 0)
        return Stream("audio", sound.codec.name, samples, rate=rate, channels=channels)
    return Stream(stream.type, context.codec.name if context else "unknown")
