"""Look: how a file's pictures are coded, and what makes them frames; its first pictures tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

import av

from lipsyncd.media.background import Shade, has_alpha, is_solid, laid_on, shade_of
from lipsyncd.media.colour import (
    BT709,
    HDR,
    LIMITED,
    Colour,
    colour_of,
    deep_colour_of,
    is_deep,
)
from lipsyncd.media.images import Pictures
from lipsyncd.media.interlace import deinterlaced
from lipsyncd.media.limits import FLATTEST
from lipsyncd.media.mapping import Mapper
from lipsyncd.media.mastering import Mastering, mastering_of
from lipsyncd.media.orientation import (
    AS_IT_IS,
    Orientation,
    orientation_of,
    oriented,
    oriented_size,
)
from lipsyncd.protocol.outputs import DEEP

FIRST = 8  # pictures that are looked at: the first of a recording may be flagged otherwise
SHOWN_HDR = Colour(BT709, BT709, BT709, LIMITED)


@dataclass(frozen=True)
class Wanted:
    """What is wanted of frames: what lies behind the transparent, how many bits the result can
    have, and whether HDR is kept in it."""

    background: str = "white"
    bits: int = 8
    keeps_hdr: bool = False


USUAL = Wanted()


@dataclass(frozen=True)
class Look:
    """What is known of all pictures of a file; `size` is the width and height of its frames.

    `coded` is what their samples mean, and `final` what those of the result's do; `mastering` is
    what kept HDR says of itself; `notes` are sentences on what was decided for the user.
    """

    coded: Colour
    final: Colour
    mastering: Mastering | None
    orientation: Orientation
    size: tuple[int, int]
    background: Shade
    is_interlaced: bool
    notes: tuple[str, ...]

    @property
    def shown(self) -> Colour:
        """What the samples of the frames mean."""
        return SHOWN_HDR if self.coded.is_hdr else self.coded

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
        if look.coded.is_hdr:
            self._mapper = Mapper(look.coded.primaries, look.coded.transfer)

    def finished(self, picture: av.VideoFrame) -> tuple[av.VideoFrame, av.VideoFrame | None]:
        """The picture as faces are looked for in it, in 8 bits, and as the result has it where that
        is in more."""
        look, deep = self._look, None
        picture = kept = laid_on(picture, look.background)
        if self._mapper:
            picture = self._mapper.mapped(picture)
        if look.final.bits > 8:
            kept = kept if look.final.is_hdr else picture
            deep = oriented(kept, look.final, look.orientation, look.size)
        return oriented(picture, look.shown, look.orientation, look.size), deep

    def viewed(self, final: av.VideoFrame) -> av.VideoFrame:
        """A picture of the result in 8 bits, tone-mapped if it is HDR."""
        look = self._look
        if look.final.bits == 8:
            return final
        if self._mapper and look.final.is_hdr:
            final = self._mapper.mapped(final)
        return oriented(final, look.shown, AS_IT_IS, look.size)


def look_of(
    first: av.VideoFrame, following: Iterator[av.VideoFrame], wanted: Wanted, name: str
) -> Look:
    """What the first picture of a file shows, and the next few."""
    orientation, coded = orientation_of(first), colour_of(first)
    final = final_of(first, coded, wanted)
    next_few = islice(following, FIRST - 1)
    is_interlaced = first.interlaced_frame or any(each.interlaced_frame for each in next_few)
    return Look(
        coded=coded,
        final=final,
        mastering=mastering_of(first) if final.is_hdr else None,
        orientation=orientation,
        size=oriented_size(first, orientation),
        background=shade_of(wanted.background),
        is_interlaced=is_interlaced,
        notes=tuple(notes_of(first, final, is_interlaced, wanted, name)),
    )


def final_of(first: av.VideoFrame, coded: Colour, wanted: Wanted) -> Colour:
    """What the samples of the result mean.  What may be transparent has 8 bits."""
    shown = SHOWN_HDR if coded.is_hdr else coded
    if wanted.bits == 8 or not is_deep(first) or has_alpha(first):
        return shown
    if coded.is_hdr and not wanted.keeps_hdr:
        return replace(shown, bits=10)
    return deep_colour_of(first)


def notes_of(
    first: av.VideoFrame, final: Colour, is_interlaced: bool, wanted: Wanted, name: str
) -> Iterator[str]:
    if not is_solid(first):
        yield f"{name} is transparent in places: {wanted.background} is seen there."
    if hdr := HDR.get(colour_of(first).transfer):
        done = "its samples are kept, in 10 bits" if final.is_hdr else "it is tone-mapped to BT.709"
        yield f"{name} is HDR ({hdr}): {done}."
    elif is_deep(first) and final.bits == 8 and not has_alpha(first):
        keeping = ", ".join(DEEP)
        yield f"{name} has more than 8 bits a sample, and the result 8; {keeping} keep 10."
    if is_interlaced:
        yield f"{name} is interlaced: each of its pictures is deinterlaced."


def pixel_aspect(stream: av.VideoStream | Pictures, turned: bool) -> Fraction:
    """How much wider than high a pixel is; 1 where the file says nothing, or nonsense."""
    aspect = stream.sample_aspect_ratio
    if not aspect or not Fraction(1, FLATTEST) <= aspect <= FLATTEST:
        return Fraction(1)
    return 1 / aspect if turned else aspect
