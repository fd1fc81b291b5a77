"""Synthetic faces and voices, of known content."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from lipsyncd.media.frame import Frame
from lipsyncd.media.kept import NOTHING, Kept
from lipsyncd.media.muxers import MUXERS
from lipsyncd.media.output import Output
from lipsyncd.media.part import PartEncoder
from lipsyncd.media.result import new_result
from lipsyncd.media.source import Source
from lipsyncd.media.voice import Voice, examine_voice

RED, GREEN, BLUE, GREY = (200, 30, 40), (40, 180, 60), (30, 50, 190), (120, 120, 120)
QUARTERS = (RED, GREEN, BLUE, GREY)  # top left, top right, bottom left, bottom right


# Pictures: RGB (height, width, 3) uint8


def quartered(width: int = 64, height: int = 48) -> np.ndarray:
    """Four known colours, one in each quarter, so that colours and directions are seen."""
    rgb = np.empty((height, width, 3), np.uint8)
    rows, columns = height // 2, width // 2
    rgb[:rows, :columns], rgb[:rows, columns:] = QUARTERS[:2]
    rgb[rows:, :columns], rgb[rows:, columns:] = QUARTERS[2:]
    return rgb


def textured(seed: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Smooth random shapes: unlike those of any other seed, and never flat."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def moving(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """One textured picture moving under the camera: what encoders predict frames from."""
    scene = textured(7, width + 2 * count, height)
    return [scene[:, 2 * i : 2 * i + width].copy() for i in range(count)]


def numbered(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A flat grey that `number_of` can read after any codec."""
    return np.full((height, width, 3), 20 + 12 * number, np.uint8)


def number_of(frame: Frame) -> int:
    luma = frame.planes()[0].mean()
    return round(((luma - 16) * 255 / 219 - 20) / 12)


def painted(
    rgb: np.ndarray, form: str = "yuv420p", matrix: str = "601", full: bool = False
) -> av.VideoFrame:
    """A picture in a planar YUV format, by the formulas of ITU-T H.273 and not by a converter.

    Chroma is the mean of the pixels that share it.  `form` may have 8 or 10 bits.
    """
    red, blue = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}[matrix]
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    luma = red * r + (1 - red - blue) * g + blue * b
    chroma = (b - luma) / (2 - 2 * blue), (r - luma) / (2 - 2 * red)
    unit = 4 if "10" in form else 1
    low, span, swing = (0, 255, 255) if full else (16, 219, 224)
    planes = [unit * (low + span * luma)]
    for difference in chroma:
        values = unit * (128 + swing * difference)
        if "420" in form or "422" in form:
            values = (values[:, ::2] + values[:, 1::2]) / 2
        if "420" in form:
            values = (values[::2] + values[1::2]) / 2
        planes.append(values)
    picture = av.VideoFrame(rgb.shape[1], rgb.shape[0], form)
    kind = np.uint16 if unit == 4 else np.uint8
    for plane, values in zip(picture.planes, planes, strict=True):
        samples = np.clip(np.rint(values), 0, unit * 256 - 1).astype(kind)
        lines = np.frombuffer(plane, kind).reshape(plane.height, -1)
        lines[:, : plane.width] = samples
    return picture


def colours_of(frame: Frame, matrix: str = "601", full: bool = False) -> np.ndarray:
    """(4, 3) float: the RGB in the middle of each quarter, by the same formulas."""
    red, blue = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}[matrix]
    low, span, swing = (0, 255, 255) if full else (16, 219, 224)
    found = []
    for row in (0.25, 0.75):
        for column in (0.25, 0.75):
            y, u, v = (
                float(plane[int(row * plane.shape[0]), int(column * plane.shape[1])])
                for plane in frame.planes()
            )
            luma, cb, cr = (y - low) / span, (u - 128) / swing, (v - 128) / swing
            r, b = luma + (2 - 2 * red) * cr, luma + (2 - 2 * blue) * cb
            g = (luma - red * r - blue * b) / (1 - red - blue)
            found.append((255 * r, 255 * g, 255 * b))
    return np.array(found)


def frame_of(rgb: np.ndarray, index: int = 0, matrix: str = "601") -> Frame:
    """A frame as a source gives it: tagged, renderer swing, 4:2:0."""
    picture = painted(rgb, matrix=matrix)
    picture.colorspace, picture.color_range = {"601": 6, "709": 1}[matrix], 1
    return Frame(index, picture)


# Faces: files


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray | av.VideoFrame],
    *,
    codec: str = "libx264",
    form: str = "yuv420p",
    rate: Fraction | int = 25,
    times: Sequence[Fraction | float] | None = None,
    turn: int = 0,
    aspect: Fraction | int = 1,
    tags: tuple[int, int, int, int] | None = None,
    gop: int = 12,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound: np.ndarray | None = None,
) -> Path:
    """A video in the container that the suffix of `path` names.

    `times` in seconds where they are not i / rate; `turn` in degrees counterclockwise for the
    player; `tags` are matrix, primaries, transfer and swing; `sound` is (samples,) at 16 kHz.
    """
    pictures = list(pictures)
    base = Fraction(1, 90000) if times else 1 / Fraction(rate)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        context = stream.codec_context
        stream.height, stream.width = size_of(pictures[0])
        stream.pix_fmt, context.time_base, context.gop_size = form, base, gop
        tag(context, tags, aspect)
        if turn:
            stream.set_display_rotation(turn)
        voice = None if sound is None else container.add_stream("aac", 16000, layout="mono")
        for i, content in enumerate(pictures):
            picture = painted(content, form) if isinstance(content, np.ndarray) else content
            due = round(Fraction(times[i]) / base) if times else i
            container.mux(encoded(picture, due, stream))
        container.mux(stream.encode(None))
        if voice is not None:
            encode_sound(container, voice, np.atleast_2d(sound), 16000)
    return path


def encoded(picture: av.VideoFrame, due: int, stream: av.VideoStream) -> list[av.Packet]:
    picture.pts, picture.time_base = due, stream.codec_context.time_base
    return stream.encode(picture)


def tag(
    context: av.VideoCodecContext, tags: tuple[int, int, int, int] | None, aspect: Fraction | int
) -> None:
    context.sample_aspect_ratio = aspect
    if tags:
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = tags


def size_of(picture: np.ndarray | av.VideoFrame) -> tuple[int, int]:
    """Height and width."""
    if isinstance(picture, np.ndarray):
        return picture.shape[:2]
    return picture.height, picture.width


def write_still(path: Path, rgb: np.ndarray) -> Path:
    """A picture in the format that the suffix names: (h, w), (h, w, 3) RGB or (h, w, 4) RGBA."""
    channels = rgb[..., [2, 1, 0, 3][: rgb.shape[-1]]] if rgb.ndim == 3 else rgb
    encoded, content = cv2.imencode(path.suffix, channels)
    assert encoded
    path.write_bytes(content.tobytes())
    return path


def oriented(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF orientation, as cameras write it."""
    entry = bytes.fromhex("0112 0003 00000001") + orientation.to_bytes(2) + bytes(2)
    tiff = b"MM\0*" + (8).to_bytes(4) + (1).to_bytes(2) + entry + bytes(4)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + jpeg[2:]


# Voices: (channels, samples) or (samples,) float in [-1, 1]


def tone(seconds: float, rate: int = 16000, pitch: float = 220.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def babble(seconds: float, rate: int = 16000, seed: int = 3) -> np.ndarray:
    """Noise that swells and fades as syllables do: it is like itself at no other time."""
    count = round(seconds * rate)
    noise = np.random.default_rng(seed).standard_normal(count)
    return 0.12 * noise * (0.3 + np.abs(np.sin(4 * np.pi * np.arange(count) / rate)))


def write_voice(
    path: Path,
    samples: np.ndarray,
    rate: int = 16000,
    codec: str = "pcm_s16le",
    *,
    options: dict[str, str] | None = None,
    start: float = 0.0,
) -> Path:
    """A voice in the container that the suffix of `path` names; `start` is its first timestamp."""
    samples = np.atleast_2d(samples).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, options=options or {})
        encode_sound(container, stream, samples, rate, start)
    return path


def encode_sound(
    container: av.container.OutputContainer,
    stream: av.AudioStream,
    samples: np.ndarray,
    rate: int,
    start_seconds: float = 0.0,
) -> None:
    context = stream.codec_context
    context.open(strict=False)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples, np.float32), "fltp", context.layout.name
    )
    frame.rate = rate
    fitted = av.AudioResampler(context.format, context.layout, rate, context.frame_size or None)
    start = round(start_seconds * rate)
    for part in (*fitted.resample(frame), *fitted.resample(None)):
        part.pts, part.time_base = start, Fraction(1, rate)
        start += part.samples
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def examined(path: Path, format: str = "mp4") -> Voice:
    """The voice, looked at to its end, for a result of a format."""
    return examine_voice(path, "The voice", muxer=MUXERS[format])


class Written:
    """A result of one part, which is encoded picture by picture."""

    def __init__(self, source: Source, output: Output) -> None:
        self._encoder = PartEncoder(source, output)
        self.packets: list[av.Packet] = []

    def write(self, picture: av.VideoFrame | None) -> None:
        """One more; None is the end."""
        self.packets += self._encoder.packets(picture)


@contextmanager
def result_at(
    path: Path, source: Source, voice: Voice | list[Voice], output: Output, kept: Kept = NOTHING
) -> Iterator[Written]:
    """A result that is written into a new file."""
    written, voices = Written(source, output), voice if isinstance(voice, list) else [voice]
    with path.open("x+b") as file, new_result(file, source, voices, output, kept) as result:
        yield written
        written.write(None)
        result.add(written.packets)
