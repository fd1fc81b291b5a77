"""Colour cards: the same patches, written in every way in which people have pictures.

The formulas are those of the standards, and not those of the code that is tested.
"""

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pillow_heif
from PIL import Image, TiffImagePlugin

from support.media.bombs import chunk
from support.media.synthetic import painted, write_video

pillow_heif.register_heif_opener()

PATCHES = np.array(  # sRGB: greys, skins, and the corners of the cube, not quite as far
    [
        [[16, 16, 16], [90, 90, 90], [128, 128, 128], [180, 180, 180]],
        [[115, 82, 68], [176, 134, 116], [90, 62, 50], [182, 150, 130]],
        [[170, 40, 50], [50, 150, 60], [40, 60, 160], [170, 160, 40]],
    ],
    np.uint8,
)
SIDE = 32  # pixels of a patch
CARD = PATCHES.repeat(SIDE, axis=0).repeat(SIDE, axis=1)
GREY = np.repeat(CARD[..., 1:2], 3, axis=-1)


def patches_of(rgb: np.ndarray) -> np.ndarray:
    """(3, 4, 3): the mean of the middle of each patch."""
    rows = rgb[: 3 * SIDE, : 4 * SIDE].reshape(3, SIDE, 4, SIDE, 3)
    return rows[:, 8:-8, :, 8:-8].mean(axis=(1, 3))


# Images


def saved(form: str, rgb: np.ndarray = CARD, mode: str = "RGB", **how: Any) -> bytes:
    """As Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(file, form, **how)
    return file.getvalue()


def moving(form: str, duration: int = 100) -> bytes:
    """Three pictures of an animation, the second of which is mirrored."""
    first, other = Image.fromarray(CARD), Image.fromarray(CARD[:, ::-1].copy())
    file = io.BytesIO()
    how = {"quality": 100, "lossless": True} if form == "WEBP" else {}
    how |= {"quality": 100} if form == "AVIF" else {}
    first.save(file, form, save_all=True, append_images=[other, first], duration=duration, **how)
    return file.getvalue()


def deep(suffix: str, rgb: np.ndarray = CARD) -> bytes:
    """16 bits a channel, as OpenCV writes it."""
    channels = rgb[..., ::-1] if rgb.ndim == 3 else rgb
    _, content = cv2.imencode(suffix, channels.astype(np.uint16) * 257)
    return content.tobytes()


def cut_out(form: str, **how: Any) -> bytes:
    """The right half is transparent, and has other colours beneath."""
    rgba = np.dstack([CARD, np.full(CARD.shape[:2], 255, np.uint8)])
    rgba[:, 2 * SIDE :] = (255, 0, 255, 0)
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, form, **how)
    return file.getvalue()


def turned(form: str, orientation: int, **how: Any) -> bytes:
    """Stored on its side or mirrored, with the EXIF that says so."""
    back = {
        1: CARD,
        2: CARD[:, ::-1],
        3: CARD[::-1, ::-1],
        4: CARD[::-1],
        5: CARD.swapaxes(0, 1),
        6: np.rot90(CARD, 1),
        7: np.rot90(CARD, 2).swapaxes(0, 1),
        8: np.rot90(CARD, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(back)).save(file, form, exif=exif.tobytes(), **how)
    return file.getvalue()


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """One more chunk, behind the first."""
    return png[:33] + chunk(kind, content) + png[33:]


def two_pages() -> bytes:
    file = io.BytesIO()
    other = Image.new("RGB", (64, 48), "red")
    Image.fromarray(CARD).save(file, "TIFF", save_all=True, append_images=[other])
    return file.getvalue()


def two_pictures() -> bytes:
    """A JPEG with another in it, as phones write what they know of brightness and depth."""
    file = io.BytesIO()
    other = Image.new("RGB", (64, 48), "red")
    Image.fromarray(CARD).save(
        file, "MPO", save_all=True, append_images=[other], quality=98, subsampling=0
    )
    return file.getvalue()


def named_second() -> bytes:
    """A HEIC whose main picture is its second."""
    file = io.BytesIO()
    other = Image.new("RGB", (64, 48), "red")
    other.save(
        file,
        "HEIF",
        save_all=True,
        append_images=[Image.fromarray(CARD)],
        primary_index=1,
        quality=95,
    )
    return file.getvalue()


def raw_file() -> bytes:
    """As of a camera: its first picture is a small one."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    return saved("TIFF", tiffinfo=tags)


# ICC profiles, by ICC.1:2001-04


def profile(space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """A display's profile with these tags."""
    tags = {b"desc": text(b"test"), b"cprt": b"text\0\0\0\0free\0", b"wtpt": xyz(WHITE), **tags}
    place, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for kind, content in tags.items():
        table += struct.pack(">4sII", kind, place + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    body = struct.pack(">I", len(tags)) + table + data
    head = struct.pack(">I4xI", 128 + len(body), 0x02400000)
    device = b"prtr" if space == b"CMYK" else b"mntr"
    head += device + space + (b"Lab " if space == b"CMYK" else b"XYZ ") + bytes(12) + b"acsp"
    return head + bytes(68 - len(head)) + struct.pack(">3i", *fixed(WHITE)) + bytes(48) + body


WHITE = (0.9642, 1.0, 0.8249)  # D50
# The columns of linear RGB to XYZ under D50, as these profiles have them
ADOBE = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))


def fixed(numbers: tuple[float, ...]) -> list[int]:
    return [round(number * 65536) for number in numbers]


def text(words: bytes) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + bytes(1 + 78)


def xyz(numbers: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *fixed(numbers))


def curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(columns: tuple[tuple[float, ...], ...], gamma: float) -> bytes:
    named = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, columns), strict=True))
    return profile(b"RGB ", named | {kind: curve(gamma) for kind in (b"rTRC", b"gTRC", b"bTRC")})


def grey_profile(gamma: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": curve(gamma)})


def ink_profile() -> bytes:
    """Of four inks: cyan as dark as it is strong, and nothing else seen; so all is grey."""
    steps = 2
    levels = [255 - 255 * cyan for cyan in range(steps) for _ in range(steps**3)]
    table = b"".join(bytes((level, 128, 128)) for level in levels)
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *fixed((1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, steps, 0)) + matrix + straight * 4 + table + straight * 3
    return profile(b"CMYK", {b"A2B0": lut})


def as_lightness(grey: np.ndarray) -> np.ndarray:
    """sRGB whose CIE lightness is as large as these numbers: what `ink_profile` makes of them."""
    light = ((grey / 255 * 100 + 16) / 116) ** 3
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def linear(rgb: np.ndarray) -> np.ndarray:
    """Of sRGB in 0..255 (IEC 61966-2-1)."""
    signal = rgb / 255
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def seen_through(columns: tuple[tuple[float, ...], ...], gamma: float) -> np.ndarray:
    """The card in the numbers of such a profile."""
    light = linear(CARD) @ np.array(SRGB) @ np.linalg.inv(np.array(columns))
    return np.rint(255 * np.clip(light, 0, 1) ** (1 / gamma)).astype(np.uint8)


# Videos


def filmed(folder: Path, picture: np.ndarray | av.VideoFrame, name: str, **how: Any) -> bytes:
    """Three times the same picture."""
    return write_video(folder / name, [picture] * 3, **how).read_bytes()


def reformatted(form: str, rgb: np.ndarray = CARD) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=form)


TO_2020 = np.array(  # linear RGB of BT.709 as that of BT.2020 (ITU-R BT.2087, table 2)
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)


def light_of(rgb: np.ndarray) -> np.ndarray:
    """cd/m2 in BT.2020, where diffuse white is at 203, and a display's gamma is 2.4."""
    return 203 * (rgb / 255) ** 2.4 @ TO_2020.T


def pq(light: np.ndarray) -> np.ndarray:
    """The signal in 0..1 (SMPTE ST 2084)."""
    y = (light / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """The signal in 0..1 for a display of 1000 cd/m2 (ITU-R BT.2100, table 5)."""
    shown = light / 1000
    luminance = shown @ [0.2627, 0.6780, 0.0593]
    scene = shown * luminance[..., None] ** (1 / 1.2 - 1)
    low = np.sqrt(3 * np.minimum(scene, 1 / 12))
    high = 0.17883277 * np.log(np.maximum(12 * scene, 1) - 0.28466892) + 0.55991073
    return np.where(scene <= 1 / 12, low, high)


def hdr(signal: Callable[[np.ndarray], np.ndarray], form: str, full: bool) -> av.VideoFrame:
    """The card as HDR: as bright as it is in SDR."""
    return painted(255 * signal(light_of(CARD)), form, "2020", full)


def combed(count: int) -> Iterator[av.VideoFrame]:
    """A bright bar that moves 4 pixels with each field, of which the upper one is the first."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=128, height=96, format="yuv420p", time_base=Fraction(1, 25))
    setfield = graph.add("setfield", "tff")
    source.link_to(setfield)
    setfield.link_to(graph.add("buffersink"))
    graph.configure()
    for number in range(count):
        luma = np.full((96, 128), 40, np.uint8)
        for field in (0, 1):
            left = 8 + 8 * number + 4 * field
            luma[field::2, left : left + 32] = 200
        grey = np.full((48, 128), 128, np.uint8)
        picture = av.VideoFrame.from_ndarray(np.vstack([luma, grey]), "yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        graph.push(picture)
        yield graph.pull()
