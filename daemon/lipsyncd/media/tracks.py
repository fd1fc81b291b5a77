"""Tracks: which sound or which video of a file is taken, where it has several."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import av
from av.stream import Disposition

from lipsyncd.errors import (
    InputError,
    InvalidRequest,
    NoFace,
    SilentVoice,
    UnreadableMedia,
    VoiceTooShort,
)
from lipsyncd.media.container import Kind, Media
from lipsyncd.media.header import open_new
from lipsyncd.media.spooled import Readable

T = TypeVar("T")
UNFIT = UnreadableMedia, SilentVoice, VoiceTooShort, NoFace  # it is, and its file may not be


def first_fit(
    path: Readable, name: str, kind: Kind, wanted: int | None, look: Callable[[Media, int], T]
) -> tuple[T, tuple[str, ...]]:
    """What `look` makes of the first track that it can take, and a sentence on which one that is.

    Tracks have numbers from 0, in the order of the file; only `wanted` is looked at if it is given.
    Raises InvalidRequest if there is none such, and what is wrong with the first track if all are.
    """
    unfit: dict[int, InputError] = {}
    while True:
        with open_new(path, name) as media:
            streams = media.tracks(kind)
            if wanted is not None:
                refuse_unknown(name, kind, wanted, len(streams))
                return look(media, wanted), ()
            order = order_of(streams)
            track = next(each for each in order if each not in unfit)
            try:
                found = look(media, track)
            except UNFIT as error:
                unfit[track] = error
                if len(unfit) == len(order):
                    raise unfit[order[0]] from None
            else:
                of_several = noted(name, kind, track, len(streams), unfit)
                return found, (of_several,) if len(order) > 1 else ()


def order_of(streams: Sequence[av.stream.Stream]) -> list[int]:
    """The tracks in the order in which players would take them; 0 where there is none."""
    order = [each for each, stream in enumerate(streams) if not is_attached(stream)]
    order.sort(key=lambda each: not streams[each].disposition & Disposition.default)
    return order or [0]  # a picture that is attached, or none at all


def is_attached(stream: av.stream.Stream) -> bool:
    """Whether it is a picture beside what the file is about, as a cover is."""
    return bool(stream.disposition & Disposition.attached_pic)


def noted(name: str, kind: Kind, track: int, count: int, unfit: dict[int, InputError]) -> str:
    """Which of so many tracks it is, and why it is none of those before it."""
    why = (
        f"; track {each + 1} {error.message.removeprefix(name).strip(' .')}"
        for each, error in unfit.items()
    )
    return f"{name} is {kind} track {track + 1} of {count}{''.join(why)}."


def refuse_unknown(name: str, kind: Kind, wanted: int, count: int) -> None:
    if not 0 <= wanted < count:
        raise InvalidRequest(
            f"{name} has no {kind} track {wanted + 1}; it has {count}.",
            "Name another, or leave it to the daemon.",
        )
