"""Profiles: what an image file says that its numbers mean, brought to sRGB.

ICC profiles go through littleCMS.  HEIF, AVIF and PNG may state code points of ITU-T H.273 instead.
"""

import io
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from PIL import Image, ImageCms, ImageFilter

from lipsyncd.media.colour import BT709, HLG, PQ, UNSPECIFIED
from lipsyncd.media.mapping import CHROMATICITIES, SRGB, STEPS, table_of

SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # of Pillow, by a profile's space
OTHER = {"CMYK", "LAB"}  # of these which nothing else is converted to
WIDEST_PROFILE = 16 << 20  # bytes; what is larger is not looked into
DEEP = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "I;16N": "=u2"}  # grey of 16 bits
NUMBERS = ("I", "F")  # measurements, without a black and a white

CodePoints = tuple[int, int]  # primaries, transfer characteristics


def srgb_of(image: Image.Image, coded: CodePoints | None) -> Image.Image:
    """The loaded image in sRGB: RGB, or RGBA where something may be transparent.

    Raises ValueError for one without a black and a white.
    """
    if image.mode in NUMBERS:
        raise ValueError(f"an image of {image.mode} has no colours")
    if image.mode in DEEP:
        levels = np.asarray(image).astype(np.uint16) >> 8
        image = with_info(Image.fromarray(levels.astype(np.uint8)), image.info)
    if coded and is_wider(*coded):
        return tabled(plain(image), *coded)
    profile = profile_of(image)
    if profile is None:
        return plain(image)
    try:
        return converted(image, profile)
    except ImageCms.PyCMSError:  # as viewers do
        return plain(image)


def plain(image: Image.Image) -> Image.Image:
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def profile_of(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Its profile, if it has one that can be read."""
    content = image.info.get("icc_profile") or b""
    if not 0 < len(content) <= WIDEST_PROFILE:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(content))
    except (OSError, ImageCms.PyCMSError):
        return None


def converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Through its profile, unless that is for other colours.  Raises PyCMSError."""
    mode = MODES.get(profile.profile.xcolor_space.strip())
    if mode is None or (mode != image.mode and not OTHER.isdisjoint((mode, image.mode))):
        return plain(image)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    result = ImageCms.profileToProfile(
        image.convert(mode),
        profile,
        SRGB_PROFILE,
        renderingIntent=cast(ImageCms.Intent, ImageCms.getDefaultIntent(profile)),
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert result is not None  # it is new, and not in place
    if alpha:
        result.putalpha(alpha)
    return result


def is_wider(primaries: int, transfer: int) -> bool:
    """Whether these are not those of sRGB already, as far as they are known."""
    return transfer in (PQ, HLG) or (primaries in CHROMATICITIES and primaries != BT709)


def tabled(image: Image.Image, primaries: int, transfer: int) -> Image.Image:
    """Through the table of these code points.  Transparency stays."""
    table = table_of(primaries, transfer if transfer in (PQ, HLG) else SRGB)
    return image.filter(ImageFilter.Color3DLUT(STEPS, table.reshape(-1, 3).astype(np.float32)))


def with_info(image: Image.Image, info: Mapping[str | tuple[int, int], Any]) -> Image.Image:
    image.info = dict(info)
    return image


def code_points(content: bytes, form: str) -> CodePoints | None:
    """Those that an image file states, where it states any."""
    marks = {"PNG": b"cICP", "AVIF": b"colrnclx", "HEIF": b"colrnclx"}
    found = content.find(marks[form]) if form in marks else -1
    if found < 0:
        return None
    place = found + len(marks[form])
    stated = content[place : place + (2 if form == "PNG" else 4)]
    half = len(stated) // 2
    primaries, transfer = int.from_bytes(stated[:half]), int.from_bytes(stated[half:])
    return (primaries or UNSPECIFIED, transfer or UNSPECIFIED)
