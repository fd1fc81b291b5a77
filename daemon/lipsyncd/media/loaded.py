"""Loaded images as pictures: upright, and in sRGB."""

from contextlib import suppress
from typing import cast

import av
import numpy as np
from PIL import ExifTags, Image

from lipsyncd.media.colour import BT709, FULL, RGB
from lipsyncd.media.profile import CodePoints, srgb_of

FORMS = {"RGB": "rgb24", "RGBA": "rgba"}  # of libav, by Pillow's modes
# By orientations of EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def picture_of(image: Image.Image, coded: CodePoints | None) -> av.VideoFrame:
    """A loaded image, upright and in sRGB."""
    turn = None
    with suppress(Exception):  # of damaged EXIF nothing is believed
        turn = TURNS.get(cast(int, image.getexif().get(ExifTags.Base.Orientation)))
    shown = srgb_of(image, coded)
    if turn is not None:
        shown = shown.transpose(turn)
    picture = av.VideoFrame.from_ndarray(np.asarray(shown), FORMS[shown.mode])
    picture.colorspace, picture.color_range = RGB, FULL
    picture.color_primaries = picture.color_trc = BT709
    return picture
