"""Encoders: how libav makes each codec that a result may have; what crf and preset are to each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lipsyncd.media.limits import SMALLEST_SIDE
from lipsyncd.media.mastering import Mastering, of_av1, of_x265
from lipsyncd.protocol.outputs import PRESETS, WORST

Settings = Mapping[str, str]  # as libav takes them

# x264's AVX-512 routines encode the same pictures otherwise each time; those for AVX2 are as fast
HAS_AVX512 = "avx512f" in Path("/proc/cpuinfo").read_text().split()
STEADY = {"x264-params": "asm=avx2"} if HAS_AVX512 else {}
VP9_SCALE = AV1_SCALE = 63  # their worst crf
# The speeds of each by x264's presets, about as fast as those in 1280 x 720
AV1_SPEEDS = dict(zip(PRESETS, (9, 8, 7, 6, 6, 5, 4, 4, 3), strict=True))
VP9_SPEEDS = dict(zip(PRESETS, range(8, -1, -1), strict=True))
VP9_HURRIED = 5  # the speed from which on libvpx takes its fast ways
PROFILES = ((18, "hq"), (23, "standard"), (28, "lt"), (WORST, "proxy"))  # of ProRes, up to a crf

# SVT-AV1 tells its version and all its settings to whoever reads our log; it has no other way to
# be asked for its errors only
QUIET_AV1 = {"SVT_LOG": "1"}


@dataclass(frozen=True)
class Encoder:
    """`name`, `decoder` and `pixels`, the pixel format, are libav's words; `settings` are made of a
    crf, 0 to 51, and a preset of x264's.

    `deep` is the format of more than 8 bits, where the encoder has one.
    `sparing` are further ones for large pictures: who looks ahead over tens of these takes GB.
    `own` is the setting that holds the encoder's own ones, which libav has no words for, and
    `mastering` what of them tells how HDR was graded.
    `delay` is by how many pictures it decodes before it shows, where it cannot be trusted to say so
    of a part that has no more than these.
    `tag` is what MP4 and MOV call the codec, where that is not what libav would write.
    `least`: pixels of a picture's width and height below which it fails or hangs, at least where
    the other side is long.
    `is_limited`: the codec knows no full swing.
    """

    name: str
    decoder: str
    settings: Callable[[int, str], Settings]
    sparing: Settings = field(default_factory=dict)
    pixels: str = "yuv420p"
    deep: str | None = None
    own: str = ""
    mastering: Callable[[Mastering], Settings] = lambda _: {}
    delay: int = 0
    tag: str | None = None
    least: int = SMALLEST_SIDE
    is_limited: bool = False


def x264(crf: int, preset: str) -> Settings:
    return {"preset": preset, "crf": str(crf)} | STEADY


def x265(crf: int, preset: str) -> Settings:
    return {"preset": preset, "crf": str(crf), "x265-params": "log-level=none"}


def av1(crf: int, preset: str) -> Settings:
    """SVT-AV1.  Its crf 0 is none."""
    os.environ.update(QUIET_AV1)
    return {"preset": str(AV1_SPEEDS[preset]), "crf": str(max(1, scaled(crf, AV1_SCALE)))}


def vp9(crf: int, preset: str) -> Settings:
    """libvpx, which has two ways to encode."""
    speed = VP9_SPEEDS[preset]
    deadline = "realtime" if speed >= VP9_HURRIED else "good"
    # b=0: the crf alone says how many bits are spent
    how = {"deadline": deadline, "cpu-used": str(speed), "row-mt": "1", "b": "0"}
    return how | {"crf": str(scaled(crf, VP9_SCALE))}


def prores(crf: int, _preset: str) -> Settings:
    return {"profile": next(profile for worst, profile in PROFILES if crf <= worst)}


def lossless(_crf: int, _preset: str) -> Settings:
    """FFV1 as archives have it: version 3, with checksums, each picture by itself."""
    return {"level": "3", "slicecrc": "1", "g": "1"}


def scaled(crf: int, worst: int) -> int:
    """A crf on an encoder's own scale, from 0 to `worst`.

    At 18 what comes out of a talker in 1280 x 720 is 51.2 dB (PSNR of all planes) with x264, 51.7
    with x265, and, between measured points, about 51 with libvpx and SVT-AV1.
    """
    return round(crf * worst / WORST)


ENCODERS = {
    # 8 bits only: what plays H.264 hardly ever plays its High 10 profile
    "h264": Encoder("libx264", "h264", x264, {"tune": "zerolatency"}),
    "h265": Encoder(
        "libx265",
        "hevc",
        x265,
        {"tune": "zerolatency"},
        deep="yuv420p10le",
        own="x265-params",
        mastering=of_x265,
        delay=2,
        least=32,
        tag="hvc1",  # Apple's players know only this of its two names
    ),
    "av1": Encoder(
        "libsvtav1",
        "libdav1d",
        av1,
        {"svtav1-params": "lookahead=0:lp=1"},
        deep="yuv420p10le",
        own="svtav1-params",
        mastering=of_av1,
        least=32,
    ),
    "vp9": Encoder(
        "libvpx-vp9", "vp9", vp9, {"lag-in-frames": "0"}
    ),  # PyAV's is built for 8 bits only
    "prores": Encoder(
        "prores_ks", "prores", prores, pixels="yuv422p10le", deep="yuv422p10le", is_limited=True
    ),
    "lossless": Encoder("ffv1", "ffv1", lossless, deep="yuv420p10le"),
}
