"""Look: how a file's pictures are coded, and what makes them frames; its first pictures tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av

from lipsyncd.media.background import Shade, is_solid, laid_on, shade_of
from lipsyncd.media.colour import BT709, HLG, LIMITED, PQ, Colour, colour_of
from lipsyncd.media.images import Pictures
from lipsyncd.media.interlace import deinterlaced
from lipsyncd.media.limits import FLATTEST
from lipsyncd.media.mapping import Mapper
from lipsyncd.media.orientation import Orientation, orientation_of, oriented, oriented_size

FIRST = 8  # pictures that are looked at: the first of a recording may be flagged otherwise
HDR = {PQ: "PQ", HLG: "HLG"}
SHOWN_HDR = Colour(BT709, BT709, BT709, LIMITED)


@dataclass(frozen=True)
class Look:
    """What is known of all pictures of a file; `size` is the width and height of its frames.

    `coded` is what their samples mean; `notes` are sentences on what was decided for the user.
    """

    coded: Colour
    orientation: Orientation
    size: tuple[int, int]
    background: Shade
    is_interlaced: bool
    notes: tuple[str, ...]

    @property
    def shown(self) -> Colour:
        """What the samples of the frames mean."""
        return SHOWN_HDR if self.coded.transfer in HDR else self.coded

    def whole(
        self, pictures: Iterable[av.VideoFrame], *, is_middle: bool = False
    ) -> Iterator[av.VideoFrame]:
        """The pictures without interlacing.

        Of a stretch from the middle of a file the first is left out where it would be another than
        that of the whole.
        """
        if not self.is_interlaced:
            return iter(pictures)
        return islice(deinterlaced(pictures), 1 if is_middle else 0, None)


class Finisher:
    """Makes frames of one reading's pictures."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._mapper: Mapper | None = None
        if look.coded.transfer in HDR:
            self._mapper = Mapper(look.coded.primaries, look.coded.transfer)

    def finished(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture as the render wants it."""
        picture = laid_on(picture, self._look.background)
        if self._mapper:
            picture = self._mapper.mapped(picture)
        return oriented(picture, self._look.shown, self._look.orientation, self._look.size)


def look_of(
    first: av.VideoFrame, following: Iterator[av.VideoFrame], background: str, name: str
) -> Look:
    """What the first picture of a file shows, and the next few."""
    orientation, coded = orientation_of(first), colour_of(first)
    next_few = islice(following, FIRST - 1)
    is_interlaced = first.interlaced_frame or any(each.interlaced_frame for each in next_few)
    return Look(
        coded=coded,
        orientation=orientation,
        size=oriented_size(first, orientation),
        background=shade_of(background),
        is_interlaced=is_interlaced,
        notes=tuple(notes_of(first, coded, is_interlaced, background, name)),
    )


def notes_of(
    first: av.VideoFrame, coded: Colour, is_interlaced: bool, background: str, name: str
) -> Iterator[str]:
    if not is_solid(first):
        yield f"{name} is transparent in places: {background} is seen there."
    if coded.transfer in HDR:
        yield f"{name} is HDR ({HDR[coded.transfer]}): it is tone-mapped to BT.709."
    if is_interlaced:
        yield f"{name} is interlaced: each of its pictures is deinterlaced."


def pixel_aspect(stream: av.VideoStream | Pictures, turned: bool) -> Fraction:
    """How much wider than high a pixel is; 1 where the file says nothing, or nonsense."""
    aspect = stream.sample_aspect_ratio
    if not aspect or not Fraction(1, FLATTEST) <= aspect <= FLATTEST:
        return Fraction(1)
    return 1 / aspect if turned else aspect
