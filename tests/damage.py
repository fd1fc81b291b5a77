"""Damage: whole faces and voices in every usual container, and what can be wrong with a file.

Nothing is left to chance but by a seed: the same numbers give the same files.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from random import Random
from typing import Any

import av
import bombs
import cv2
import numpy as np
from clips import clip
from made import write_still, write_video, write_voice

WIDTH, HEIGHT = 176, 144  # large enough for the detector
FRAMES = 10
SECONDS = 0.5  # of a voice
RECORDED = Path(__file__).parent / "media"

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
STILLS = ("png", "jpg", "webp", "bmp", "tiff")
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
EVERY = 16  # so many files have one bomb among them


@dataclass(frozen=True)
class Pair:
    """A job's face and voice: how which of them is damaged, and the number to make it again by."""

    number: int
    kind: str
    format: str
    face: bytes
    voice: bytes


class Whole:
    """Files that render, by their format, made in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def faces(self) -> dict[str, bytes]:
        with av.open(str(clip("single_face.mp4"))) as container:
            pictures = [frame.to_rgb(width=WIDTH, height=HEIGHT) for frame in container.decode(video=0)]
        rgb = [picture.to_ndarray() for picture in pictures[:FRAMES]]
        made = {name: self._video(name, rgb, **how) for name, how in VIDEOS.items()}
        for name in STILLS:
            made[name] = write_still(self._folder / f"still.{name}", rgb[0]).read_bytes()
        _, progressive = cv2.imencode(".jpg", rgb[0], (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
        made["progressive.jpg"] = progressive.tobytes()
        return made | {name: clip(name).read_bytes() for name in ("single_face.mp4", "multi_face.jpg")}

    @cached_property
    def voices(self) -> dict[str, bytes]:
        with av.open(str(RECORDED / "harbour.flac")) as container:
            rate = container.streams.audio[0].rate
            blocks = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
        speech = np.concatenate(blocks)[: round(rate * SECONDS)] / 32768
        made = {name: self._voice(name, speech, rate, *how) for name, how in SOUNDS.items()}
        made["talking.mp4"] = self._video("talking.mp4", [np.zeros((48, 64, 3), np.uint8)] * 12, sound=np.interp(np.arange(8000)/16000, np.arange(len(speech))/rate, speech))
        return made | {path.name: path.read_bytes() for path in sorted(RECORDED.glob("[hp]*.*"))}
