"""Damaged files: whole faces and voices in every usual container, and what can be wrong with one.

Nothing is left to chance but by a seed: the same numbers give the same files.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import av
import cv2
import numpy as np
import pillow_heif
import soxr
from PIL import Image

from support.media import bombs
from support.media.clips import clip
from support.media.synthetic import write_video, write_voice
from support.paths import VOICES

pillow_heif.register_heif_opener()

WIDTH, HEIGHT = 176, 144  # large enough for the detector
FRAMES = 10
SECONDS = 0.5  # of a voice

H264 = {"options": {"bf": "2", "preset": "ultrafast"}, "gop": 5}
JPEGS = {"codec": "mjpeg", "form": "yuvj420p"}
VIDEOS: dict[str, dict[str, Any]] = {
    "mp4": H264,
    "first.mp4": H264 | {"container_options": {"movflags": "+faststart"}},
    "parts.mp4": H264 | {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "mov": JPEGS,
    "mkv": H264,
    "webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime"}},
    "avi": {"codec": "mpeg4"},
    "jpegs.avi": JPEGS,
    "flv": H264,
    "ts": H264,
    "mpg": {"codec": "mpeg1video"},
    "gif": {"codec": "gif", "form": "rgb8", "rate": 10},
    "apng": {"codec": "apng", "form": "rgb24"},
}
STILLS = ("png", "jpg", "webp", "bmp", "tiff", "tga", "jp2", "heic", "avif")
SOUNDS = {
    "wav": (16000, "pcm_s16le"),
    "u8.wav": (8000, "pcm_u8"),
    "float.wav": (48000, "pcm_f32le"),
    "mp3": (44100, "libmp3lame"),
    "flac": (44100, "flac"),
    "ogg": (48000, "libopus"),
    "m4a": (44100, "aac"),
    "alac.m4a": (44100, "alac"),
    "aac": (44100, "aac"),
    "mka": (48000, "aac"),
    "opus.webm": (48000, "libopus"),
    "aiff": (16000, "pcm_s16be"),
    "ac3": (48000, "ac3"),
}
CLIPS = ("single_face.mp4", "multi_face.jpg")

EVERY = 16  # files that have one bomb among them
HEAD = 600  # bytes in which formats say what they are
NAME = re.compile(rb"[A-Za-z]{4}")
EXTREMES = (0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)


@dataclass(frozen=True)
class Pair:
    """A job's face and voice: how which of them is damaged, and the number to make it again by."""

    number: int
    kind: str
    format: str
    face: bytes
    voice: bytes


class Whole:
    """Files that render, by their format; they are made in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def faces(self) -> dict[str, bytes]:
        with av.open(str(clip("single_face.mp4"))) as container:
            frames = islice(container.decode(video=0), FRAMES)
            pictures = [frame.reformat(WIDTH, HEIGHT, "rgb24").to_ndarray() for frame in frames]
        made = {name: self._video(name, pictures, **how) for name, how in VIDEOS.items()}
        for name in STILLS:
            path = self._folder / f"still.{name}"
            Image.fromarray(pictures[0]).save(path)
            made[name] = path.read_bytes()
        _, progressive = cv2.imencode(".jpg", pictures[0], (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
        made["progressive.jpg"] = progressive.tobytes()
        moving = [Image.fromarray(rgb) for rgb in pictures]
        for name in ("animated.webp", "animated.avif"):
            path = self._folder / name
            moving[0].save(path, save_all=True, append_images=moving[1:], duration=100)
            made[name] = path.read_bytes()
        return made | {name: clip(name).read_bytes() for name in CLIPS}

    @cached_property
    def voices(self) -> dict[str, bytes]:
        with av.open(str(VOICES / "harbour.flac")) as container:
            rate = container.streams.audio[0].rate
            blocks = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
        speech = np.concatenate(blocks)[: round(SECONDS * rate)] / 32768
        made = {}
        for name, (own, codec) in SOUNDS.items():
            samples = soxr.resample(speech, rate, own)
            made[name] = write_voice(
                self._folder / f"voice.{name}", samples, own, codec
            ).read_bytes()
        grey = [np.full((48, 64, 3), 90, np.uint8)] * 12
        made["talk.mp4"] = self._video("talk.mp4", grey, sound=soxr.resample(speech, rate, 16000))
        return made | {name: (VOICES / name).read_bytes() for name in ("harbour.flac", "paper.wav")}

    def _video(self, name: str, pictures: list[np.ndarray], **how: Any) -> bytes:
        form = how.get("form", "yuv420p")
        frames = [
            av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=form) for rgb in pictures
        ]
        return write_video(self._folder / f"video.{name}", frames, **how).read_bytes()


def pairs(whole: Whole, count: int, seed: int = 1) -> Iterator[Pair]:
    """So many jobs with something wrong."""
    for number in range(count):
        yield pair(whole, number, seed)


def undamaged(whole: Whole) -> Iterator[Pair]:
    """A job with each of the whole files: all of them render."""
    face, voice = whole.faces["jpg"], whole.voices["wav"]
    for number, (form, content) in enumerate(whole.faces.items()):
        yield Pair(number, "whole", form, content, voice)
    for number, (form, content) in enumerate(whole.voices.items(), len(whole.faces)):
        yield Pair(number, "whole", form, face, content)


def pair(whole: Whole, number: int, seed: int = 1) -> Pair:
    """The job of a number: most have one damaged file, some a bomb."""
    random = Random(f"{seed} {number}")
    if number % EVERY == 0:
        return bomb(whole, number, number // EVERY)
    is_face = random.random() < 0.6
    files = whole.faces if is_face else whole.voices
    form, kind = random.choice(sorted(files)), random.choice(sorted(DAMAGES))
    other = random.choice([*whole.faces.values(), *whole.voices.values()])
    broken = DAMAGES[kind](files[form], random, other)
    face, voice = (broken, whole.voices["wav"]) if is_face else (whole.faces["jpg"], broken)
    return Pair(number, kind, form, face, voice)


def bomb(whole: Whole, number: int, which: int) -> Pair:
    names = [*bombs.FACES, *bombs.SOUNDS]
    name = names[which % len(names)]
    face = made_bomb(name) if name in bombs.FACES else whole.faces["jpg"]
    voice = made_bomb(name) if name in bombs.SOUNDS else whole.voices["wav"]
    return Pair(number, "bomb", name, face, voice)


@cache
def made_bomb(name: str) -> bytes:
    return (bombs.FACES | bombs.SOUNDS)[name]()


# How a file is damaged: (its content, chance, another file's content) -> what is left


def truncated(data: bytes, random: Random, _: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def some_bits_flipped(data: bytes, random: Random, _: bytes) -> bytes:
    return flipped(data, random, random.randint(1, 8), len(data))


def many_bits_flipped(data: bytes, random: Random, _: bytes) -> bytes:
    return flipped(data, random, max(8, len(data) // 100), len(data))


def head_flipped(data: bytes, random: Random, _: bytes) -> bytes:
    return flipped(data, random, random.randint(1, 6), HEAD)


def flipped(data: bytes, random: Random, count: int, within: int) -> bytes:
    broken = bytearray(data)
    for _ in range(count):
        broken[random.randrange(min(within, len(data)))] ^= 1 << random.randrange(8)
    return bytes(broken)


def zeroed(data: bytes, random: Random, _: bytes) -> bytes:
    start, end = region(data, random)
    return data[:start] + bytes(end - start) + data[end:]


def cut_out(data: bytes, random: Random, _: bytes) -> bytes:
    start, end = region(data, random)
    return data[:start] + data[end:]


def doubled(data: bytes, random: Random, _: bytes) -> bytes:
    start, end = region(data, random)
    return data[:end] + data[start:]


def swapped(data: bytes, random: Random, _: bytes) -> bytes:
    """Two regions have changed places."""
    first, second, third, fourth = sorted(random.randrange(len(data) + 1) for _ in range(4))
    return (
        data[:first] + data[third:fourth] + data[second:third] + data[first:second] + data[fourth:]
    )


def boxes_swapped(data: bytes, random: Random, _: bytes) -> bytes:
    """What has a name of four letters has changed places with another such."""
    names = [found.start() for found in NAME.finditer(data)]
    if len(names) < 2:
        return swapped(data, random, b"")
    first, second = random.sample(names, 2)
    broken = bytearray(data)
    broken[first : first + 4], broken[second : second + 4] = (
        data[second : second + 4],
        data[first : first + 4],
    )
    return bytes(broken)


def spliced(data: bytes, random: Random, other: bytes) -> bytes:
    return data[: random.randrange(len(data))] + other[random.randrange(len(other)) :]


def joined(data: bytes, _: Random, other: bytes) -> bytes:
    return data + other


def another_kind(_: bytes, __: Random, other: bytes) -> bytes:
    """As with a wrong extension: the whole file is of some other kind."""
    return other


def behind_noise(data: bytes, random: Random, _: bytes) -> bytes:
    return random.randbytes(random.randint(1, 5000)) + data


def another_head(data: bytes, random: Random, _: bytes) -> bytes:
    length = random.randint(1, HEAD)
    return random.randbytes(length) + data[length:]


def head_and_noise(data: bytes, random: Random, _: bytes) -> bytes:
    length = random.randint(8, HEAD)
    return data[:length] + random.randbytes(max(0, len(data) - length))


def zeros(data: bytes, random: Random, _: bytes) -> bytes:
    return bytes(random.choice([0, 1, 100, len(data)]))


def noise(data: bytes, random: Random, _: bytes) -> bytes:
    return random.randbytes(random.choice([1, 100, len(data)]))


def lying_numbers(data: bytes, random: Random, _: bytes) -> bytes:
    """Some numbers in the head, or behind a name of four letters, are as wrong as can be."""
    places = [found.end() + 4 * random.randrange(5) for found in NAME.finditer(data)]
    places += [found.start() - 4 for found in NAME.finditer(data)]
    places += [random.randrange(min(HEAD, len(data))) for _ in range(8)]
    broken = bytearray(data)
    for place in random.sample(places, min(len(places), random.randint(1, 3))):
        if 0 <= place <= len(data) - 4:
            form, wrong = random.choice((">I", "<I", ">H", "<H")), random.choice(EXTREMES)
            struct.pack_into(form, broken, place, wrong & (0xFFFF if form[1] == "H" else 2**32 - 1))
    return bytes(broken)


def region(data: bytes, random: Random) -> tuple[int, int]:
    """From one place to another, at most a quarter of the file."""
    start = random.randrange(len(data))
    return start, min(len(data), start + random.randint(1, max(1, len(data) // 4)))


DAMAGES: dict[str, Callable[[bytes, Random, bytes], bytes]] = {
    damage.__name__.replace("_", " "): damage
    for damage in (
        truncated,
        some_bits_flipped,
        many_bits_flipped,
        head_flipped,
        zeroed,
        cut_out,
        doubled,
        swapped,
        boxes_swapped,
        spliced,
        joined,
        another_kind,
        behind_noise,
        another_head,
        head_and_noise,
        zeros,
        noise,
        lying_numbers,
    )
}
