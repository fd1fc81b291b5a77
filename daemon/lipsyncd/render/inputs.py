"""The inputs: the face and the voices of a job, looked at as its options want."""

from collections.abc import Sequence
from itertools import cycle

from lipsyncd.errors import InvalidRequest
from lipsyncd.media.muxers import MUXERS
from lipsyncd.media.rate import exact
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.spooled import Readable
from lipsyncd.media.voice import Voice, examine_voice
from lipsyncd.protocol.options import Options

NAMES = "The first voice", "The second voice", "The third voice"


def examined_voices(files: Sequence[Readable], options: Options, most_seconds: int) -> list[Voice]:
    """The voices, looked at to their ends."""
    names = NAMES[: len(files)] if len(files) > 1 else ["The voice"]
    numbers = options.tracks
    tracks = [number - 1 for number in numbers] if numbers else [None]
    return [
        examine_voice(file, name, most_seconds, track, MUXERS[options.format])
        for file, name, track in zip(files, names, cycle(tracks), strict=False)
    ]


def examined_face(file: Readable, options: Options) -> Source:
    """The face, looked at to its first picture.

    Raises InputError; InvalidRequest for a box outside the picture.
    """
    rate = None if options.fps is None else exact(options.fps)
    track = None if options.video_track is None else options.video_track - 1
    source = examine_source(file, "The face", rate, track, options.background)
    refuse_outside(options.box, source)
    return source


def refuse_outside(box: tuple[int, int, int, int] | None, source: Source) -> None:
    if box is not None and (box[0] >= source.width or box[1] >= source.height):
        raise InvalidRequest(
            f"The box lies outside the picture of {source.width} x {source.height} pixels.",
            "Name a box inside it.",
        )
