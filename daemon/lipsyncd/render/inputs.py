"""The inputs: the face and the voices of a job, looked at as its options want."""

from collections.abc import Sequence
from itertools import cycle

from lipsyncd.errors import InvalidRequest
from lipsyncd.media.encoders import ENCODERS
from lipsyncd.media.look import Wanted
from lipsyncd.media.muxers import MUXERS
from lipsyncd.media.rate import exact
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.spooled import Readable
from lipsyncd.media.voice import Voice, examine_voice
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.outputs import FORMATS

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

    Raises InputError; InvalidRequest for a box outside the picture, and for a codec of larger ones.
    """
    rate = None if options.fps is None else exact(options.fps)
    track = None if options.video_track is None else options.video_track - 1
    wanted = Wanted(options.background, options.bits, options.hdr == "keep")
    source = examine_source(file, "The face", rate, track, wanted)
    refuse_outside(options.box, source)
    refuse_small(options, source)
    return source


def refuse_small(options: Options, source: Source) -> None:
    """Raise InvalidRequest for pictures that the encoder cannot take, though others can."""
    side, least = min(source.width, source.height), ENCODERS[options.coded].least
    if side < least:
        codecs = FORMATS[options.format].codecs
        others = " or ".join(each for each in codecs if ENCODERS[each].least <= side)
        raise InvalidRequest(
            f"{options.coded} takes no picture of {source.width} x {source.height} pixels: "
            f"{least} each way is the least.",
            f"Choose the codec {others}.",
        )


def refuse_outside(box: tuple[int, int, int, int] | None, source: Source) -> None:
    """Raise InvalidRequest for a box of which less than half is inside the picture."""
    if box is None:
        return
    left, top, right, bottom = box
    inside = max(0, min(right, source.width) - left) * max(0, min(bottom, source.height) - top)
    if 2 * inside < (right - left) * (bottom - top):
        where = "Most of the box lies" if inside else "The box lies"
        raise InvalidRequest(
            f"{where} outside the picture of {source.width} x {source.height} pixels.",
            "Name a box inside it, in pixels of the upright picture.",
        )
