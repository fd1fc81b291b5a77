"""Streams: in which order those of a file are tried, as a player would take them."""

import av
from av.stream import Disposition


def pictures_of(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The videos in their order, then attached pictures, as covers are."""
    return sorted(container.streams.video, key=is_attached)


def sounds_of(container: av.container.InputContainer) -> list[av.AudioStream]:
    """The sounds, those first that players take by default."""
    return sorted(container.streams.audio, key=lambda each: not is_default(each))


def is_attached(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def is_default(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & Disposition.default)
