"""Magic: what a file is that cannot be opened, by the bytes it begins with."""

import os
import re

from lipsyncd.errors import InputError, TruncatedMedia, UnreadableMedia
from lipsyncd.media.advice import CONVERT_FACE, CONVERT_VOICE, OPEN_ELSEWHERE, SEND_WHOLE
from lipsyncd.media.budget import BudgetedFile
from lipsyncd.media.mp4 import Movie

LOOKED_AT = 64  # bytes

# The first bytes, as a pattern, of sounds and pictures that are not read here,
SOUNDS = (
    (rb"\x02?#!SILK", "Silk, as WeChat records voices"),
    (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|DTSHDHDR", "DTS"),
    (rb"....\xf8\x72\x6f[\xba\xbb]", "TrueHD"),
    (rb"MAC ", "Monkey's Audio"),
    (rb"MPCK|MP\+", "Musepack"),
    (rb"TTA1", "True Audio"),
    (rb"DSD |FRM8", "DSD"),
    (rb"\xc0\xde\xc2", "Codec 2"),
    (rb"Creative Voice File", "a Creative voice file"),
)
PICTURES = (
    (rb"\.RMF|\.ra\xfd", "RealMedia"),
    (rb"8BPS", "a Photoshop document"),
    # which Pillow reads only by a plugin under the GPL, and imagecodecs without its colours
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
    (rb"#\?RADIANCE", "Radiance"),
    (rb"\0\0\x01\0", "an icon"),
    (rb"FUJIFILM|....ftypcrx", "a camera's raw file"),
    (rb"\x76\x2f\x31\x01", "OpenEXR"),
    (rb"\s*(<\?xml[^>]*>\s*)?<svg", "SVG"),
)
# and of what is taken for media, or handed in by mistake.
OTHERS = (
    (rb"MThd", "a MIDI file, which has notes but no sound"),
    (rb"\s*#EXTM3U|ffconcat|\[playlist\]|\s*<\?wpl|\s*<MPD", "a playlist, which names other files"),
    (rb"\s*(?i:<!doctype html|<html)", "a web page"),
    (rb"%PDF", "a PDF"),
    (rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|\xfd7zXZ|BZh|\x28\xb5\x2f\xfd", "an archive"),
    (rb"version https://git-lfs", "a pointer to a file in Git LFS"),
)
GIVE_MEDIA = "Give the sound, the video or the picture itself."


def broken(file: BudgetedFile) -> InputError:
    """Why a file cannot be opened."""
    name, size = file.budget.name, file.seek(0, os.SEEK_END)
    if Movie(file, size).breaks_off():
        return TruncatedMedia(f"{name} breaks off before its index.", SEND_WHOLE)
    file.seek(0)
    head = file.read(LOOKED_AT)
    if not head:
        return UnreadableMedia(f"{name} is an empty file.", GIVE_MEDIA)
    advices = (SOUNDS, CONVERT_VOICE), (PICTURES, CONVERT_FACE), (OTHERS, GIVE_MEDIA)
    for kinds, advice in advices:
        for pattern, kind in kinds:
            if re.match(pattern, head, re.DOTALL):
                return UnreadableMedia(f"{name} cannot be read: it is {kind}.", advice)
    return UnreadableMedia(f"{name} is no media that can be read.", OPEN_ELSEWHERE)
