"""Voices as people's programs write them, all of one recording that is like itself at no other
time."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from support.media.synthetic import babble, encode_sound, moving, write_voice

SECONDS = 2.0

Maker = Callable[[Path], Path]


def said(rate: int = 16000, seconds: float = SECONDS, seed: int = 3) -> np.ndarray:
    """(samples,) of the recording; a telephone passes all of it."""
    slow = babble(seconds, 6000, seed)
    times = np.arange(round(seconds * rate)) / rate
    return 2 * np.interp(times, np.arange(len(slow)) / 6000, slow)


def written(
    name: str, codec: str, rate: int = 16000, channels: int = 1, seed: int = 3, **how: Any
) -> Maker:
    """In the container that the name's suffix stands for; `how` goes to `write_voice`."""

    def make(folder: Path) -> Path:
        samples = np.stack([said(rate, seed=seed)] * channels)
        return write_voice(folder / name, samples, rate, codec, **how)

    return make


def muxed(form: str, codec: str, rate: int = 16000, channels: int = 1, **options: str) -> Maker:
    """In a container that is named, with options of its writer."""

    def make(folder: Path) -> Path:
        path = folder / f"voice.{form}"
        with av.open(str(path), "w", format=form, options=options) as container:
            stream = container.add_stream(
                codec, rate=rate, layout={1: "mono", 2: "stereo"}[channels]
            )
            encode_sound(container, stream, np.stack([said(rate)] * channels), rate)
        return path

    return make


def filmed(name: str, codec: str = "aac", late: float = 0.0, **how: Any) -> Maker:
    """The sound of a video; it begins so many seconds after the pictures."""

    def make(folder: Path) -> Path:
        path = folder / name
        with av.open(str(path), "w") as container:
            video = container.add_stream(how.get("video", "mpeg4"), rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            sound = container.add_stream(codec, rate=48000, layout="mono")
            for rgb in moving(round(25 * SECONDS)):
                container.mux(video.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
            container.mux(video.encode(None))
            encode_sound(container, sound, said(48000)[None], 48000, late)
        return path

    return make


def changed(maker: Maker, change: Callable[[bytes], bytes]) -> Maker:
    """A voice whose bytes are changed."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def joined(*makers: Maker) -> Maker:
    """Several, as `cat` joins them."""

    def make(folder: Path) -> Path:
        content = b"".join(maker(folder).read_bytes() for maker in makers)
        path = folder / "joined"
        path.write_bytes(content)
        return path

    return make


def remuxed(
    maker: Maker,
    name: str,
    change: Callable[[av.Packet], bool] = lambda packet: True,
    described: bytes | None = None,
) -> Maker:
    """The packets of a voice for which `change` is true, in another container; `described` is what
    that says of the codec, if it is something else."""

    def make(folder: Path) -> Path:
        path = folder / name
        with av.open(str(maker(folder))) as old, av.open(str(path), "w") as new:
            source = old.streams.audio[0]
            target = new.add_stream_from_template(source)
            if described:
                target.codec_context.extradata = described
            for packet in old.demux(source):
                if packet.dts is not None and change(packet):
                    packet.stream = target
                    new.mux(packet)
        return path

    return make


def later(from_: float, by: float) -> Callable[[av.Packet], bool]:
    """A change: what is due from a time on is due so many seconds later."""

    def change(packet: av.Packet) -> bool:
        if packet.pts * packet.time_base >= from_:
            packet.pts += round(by / packet.time_base)
            packet.dts += round(by / packet.time_base)
        return True

    return change


def sized(size: int, riff: int | None = None) -> Callable[[bytes], bytes]:
    """A change of a WAV's sizes."""

    def change(content: bytes) -> bytes:
        at = content.index(b"data") + 4
        whole = bytearray(content)
        struct.pack_into("<I", whole, at, size)
        struct.pack_into("<I", whole, 4, size if riff is None else riff)
        return bytes(whole)

    return change


def tagged(tag: bytes) -> Callable[[bytes], bytes]:
    """A change: something comes before it."""
    return lambda content: tag + content


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change of some bytes, which have to be there."""

    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return change
