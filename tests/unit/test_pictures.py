"""A colour card comes out right, however it was coded, or is refused by name."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.media import cards
from support.media.cards import CARD, GREY, PATCHES, cut_out, filmed, hdr, moving, saved, turned
from support.media.synthetic import painted, write_video

from lipsyncd.errors import InputError, TruncatedMedia, UnreadableMedia
from lipsyncd.media.colour import BT709, LIMITED, Colour
from lipsyncd.media.frame import Frame
from lipsyncd.media.look import Wanted
from lipsyncd.media.mapping import toned
from lipsyncd.media.source import Source, examine_source

FINE, COARSE = 2.0, 5.0  # of 255, as a mean: what 8-bit 4:2:0 costs, and what lossy codecs do


def opened(folder: Path, content: bytes, **wanted: Any) -> Source:
    (folder / "face").write_bytes(content)
    return examine_source(folder / "face", "The face", wanted=Wanted(**wanted))


def rgb_of(frame: Frame, source: Source) -> np.ndarray:
    """(height, width, 3) float, by what the source says of its colours."""
    luma, *chroma = frame.planes()
    u, v = (plane.repeat(2, axis=0).repeat(2, axis=1) for plane in chroma)
    yuv = np.stack([luma, u, v, np.ones_like(luma)], axis=-1).astype(float)
    return (yuv @ source.colour.to_bgr.T)[..., ::-1]


def error_of(source: Source, expected: np.ndarray) -> float:
    """The mean one of the patches of the first frame."""
    rgb = rgb_of(next(source.frames()), source)
    return float(np.abs(cards.patches_of(rgb) - cards.patches_of(expected)).mean())


# Stills: the file, what is seen, and how near it comes

SHARP = {"quality": 98, "subsampling": 0}
P3, ADOBE = (cards.DISPLAY_P3, 2.2), (cards.ADOBE, 2.2)
CICP_P3, CICP_601 = bytes((12, 13, 0, 1)), bytes((6, 13, 0, 1))

Still = tuple[Callable[[], bytes], np.ndarray, float]


def with_profile(form: str, columns: Any, gamma: float, **how: Any) -> bytes:
    icc = cards.rgb_profile(columns, gamma)
    return saved(form, cards.seen_through(columns, gamma), icc_profile=icc, **how)


STILLS: dict[str, Still] = {
    "PNG": (lambda: saved("PNG"), CARD, FINE),
    "PNG with alpha": (lambda: saved("PNG", mode="RGBA"), CARD, FINE),
    "PNG with a palette": (lambda: saved("PNG", mode="P", palette=1), CARD, COARSE),
    "grey PNG": (lambda: saved("PNG", mode="L", rgb=GREY), GREY, FINE),
    "grey PNG with alpha": (lambda: saved("PNG", mode="LA", rgb=GREY), GREY, FINE),
    "PNG of 16 bits": (lambda: cards.deep(".png"), CARD, FINE),
    "grey PNG of 16 bits": (lambda: cards.deep(".png", GREY[..., 0]), GREY, FINE),
    "PNG of Adobe RGB": (lambda: with_profile("PNG", *ADOBE), CARD, FINE),
    "PNG with alpha of Display P3": (lambda: with_profile("PNG", *P3, mode="RGBA"), CARD, FINE),
    "PNG of linear light": (lambda: with_profile("PNG", cards.SRGB, 1.0), CARD, COARSE),
    "grey PNG with a profile": (
        lambda: saved(
            "PNG",
            (255 * cards.linear(GREY) ** (1 / 1.8)).astype(np.uint8),
            "L",
            icc_profile=cards.grey_profile(1.8),
        ),
        GREY,
        FINE,
    ),
    "PNG whose profile is for inks": (
        lambda: saved("PNG", icc_profile=cards.ink_profile()),
        CARD,
        FINE,
    ),
    "PNG whose profile is damaged": (lambda: saved("PNG", icc_profile=b"none"), CARD, FINE),
    "PNG with code points of P3": (
        lambda: cards.with_chunk(saved("PNG", cards.seen_through(*P3)), b"cICP", CICP_P3),
        CARD,
        COARSE,
    ),
    "PNG with usual code points": (
        lambda: cards.with_chunk(saved("PNG"), b"cICP", CICP_601),
        CARD,
        FINE,
    ),
    "JPEG": (lambda: saved("JPEG", **SHARP), CARD, FINE),
    "JPEG of 4:2:0": (lambda: saved("JPEG", quality=95), CARD, FINE),
    "progressive JPEG": (lambda: saved("JPEG", progressive=True, **SHARP), CARD, FINE),
    "grey JPEG": (lambda: saved("JPEG", mode="L", rgb=GREY, quality=98), GREY, FINE),
    "JPEG of Adobe RGB": (lambda: with_profile("JPEG", *ADOBE, **SHARP), CARD, FINE),
    "JPEG of Display P3": (lambda: with_profile("JPEG", *P3, **SHARP), CARD, FINE),
    "JPEG of inks": (lambda: saved("JPEG", mode="CMYK", **SHARP), CARD, FINE),
    "JPEG of inks with a profile": (
        lambda: saved("JPEG", GREY, "CMYK", icc_profile=cards.ink_profile(), **SHARP),
        cards.as_lightness(GREY),
        FINE,
    ),
    "JPEG with a second picture": (cards.two_pictures, CARD, FINE),
    "WebP": (lambda: saved("WEBP", quality=95), CARD, COARSE),
    "WebP without loss": (lambda: saved("WEBP", lossless=True), CARD, FINE),
    "WebP of Display P3": (lambda: with_profile("WEBP", *P3, lossless=True), CARD, FINE),
    "TIFF": (lambda: saved("TIFF"), CARD, FINE),
    "TIFF, packed": (lambda: saved("TIFF", compression="tiff_deflate"), CARD, FINE),
    "TIFF, LZW": (lambda: saved("TIFF", compression="tiff_lzw"), CARD, FINE),
    "TIFF of JPEG": (lambda: saved("TIFF", compression="jpeg", quality=98), CARD, FINE),
    "TIFF of inks": (lambda: saved("TIFF", mode="CMYK"), CARD, FINE),
    "TIFF of Lab": (lambda: saved("TIFF", mode="LAB"), CARD, COARSE),
    "TIFF of 16 bits": (lambda: cards.deep(".tiff"), CARD, FINE),
    "TIFF of Adobe RGB": (lambda: with_profile("TIFF", *ADOBE), CARD, FINE),
    "TIFF of two pages": (cards.two_pages, CARD, FINE),
    "HEIC": (lambda: saved("HEIF", quality=95), CARD, FINE),
    "HEIC of Display P3": (lambda: with_profile("HEIF", *P3, quality=95), CARD, FINE),
    "HEIC whose second picture is the first": (cards.named_second, CARD, FINE),
    "AVIF": (lambda: saved("AVIF", quality=95), CARD, FINE),
    "AVIF of Display P3": (lambda: with_profile("AVIF", *P3, quality=95), CARD, FINE),
    "JPEG 2000": (lambda: saved("JPEG2000"), CARD, FINE),
    "BMP": (lambda: saved("BMP"), CARD, FINE),
    "TGA": (lambda: saved("TGA"), CARD, FINE),
    "TGA, packed": (lambda: saved("TGA", compression="tga_rle"), CARD, FINE),
    "GIF": (lambda: saved("GIF"), CARD, COARSE),
}


@pytest.mark.parametrize("name", STILLS)
def test_a_still_comes_out_in_its_colours(tmp_path: Path, name: str) -> None:
    made, expected, near = STILLS[name]
    source = opened(tmp_path, made())
    error = error_of(source, expected)
    print(f"\n  {error:.2f}")
    assert (source.width, source.height) == (128, 96)
    assert source.rate == 25
    assert source.colour == Colour(BT709, BT709, BT709, LIMITED)
    assert [frame.index for frame in source.frames()] == [0]
    assert error < near
    assert source.notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_a_still_is_upright_as_its_camera_says(tmp_path: Path, form: str, orientation: int) -> None:
    sharp = {"quality": 95} if form in ("JPEG", "HEIF", "AVIF") else {}
    sharp |= {"lossless": True} if form == "WEBP" else {}
    assert error_of(opened(tmp_path, turned(form, orientation, **sharp)), CARD) < FINE


# Transparency


@pytest.mark.parametrize(
    ("background", "behind"),
    [("white", (255, 255, 255)), ("green", (0, 177, 64)), ("#204060", (32, 64, 96))],
)
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000", "TGA", "GIF"])
def test_what_is_transparent_is_seen_on_one_colour_and_told(
    tmp_path: Path, form: str, background: str, behind: tuple[int, int, int]
) -> None:
    """Never what lies hidden beneath."""
    sharp = {"lossless": True} if form == "WEBP" else {}
    sharp |= {"quality": 95} if form in ("AVIF", "HEIF") else {}
    source = opened(tmp_path, cut_out(form, **sharp), background=background)
    expected = CARD.copy()
    expected[:, expected.shape[1] // 2 :] = behind
    assert error_of(source, expected) < COARSE
    assert source.notes == (f"The face is transparent in places: {background} is seen there.",)


def test_a_half_transparent_video_is_laid_on_the_colour(tmp_path: Path) -> None:
    rgba = np.dstack([CARD, np.full(CARD.shape[:2], 51, np.uint8)])
    picture = av.VideoFrame.from_ndarray(rgba, "rgba")
    content = filmed(tmp_path, picture, "face.mov", codec="png", form="rgba")
    source = opened(tmp_path, content, background="black")
    assert error_of(source, np.round(CARD * 0.2)) < FINE
    assert len(source.notes) == 1
    assert sum(1 for _ in source.frames()) == 3


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_a_transparent_webm_shows_nothing_of_what_is_hidden(tmp_path: Path, codec: str) -> None:
    rgba = np.dstack([CARD, np.full(CARD.shape[:2], 255, np.uint8)])
    rgba[:, 64:] = (255, 0, 255, 0)
    picture = av.VideoFrame.from_ndarray(rgba, "rgba").reformat(format="yuva420p")
    sharp = {"auto-alt-ref": "0", "crf": "8", "b": "2M"}
    content = filmed(
        tmp_path, picture, "face.webm", codec=codec, form="yuva420p", options=sharp, tags=SD
    )
    source = opened(tmp_path, content, background="grey")
    expected = CARD.copy()
    expected[:, 64:] = 128
    assert error_of(source, expected) < COARSE
    whole = [frame.i420().tobytes() for frame in source.frames()]
    assert len(whole) == 3
    assert [frame.i420().tobytes() for frame in source.frames(2)] == whole[2:]


# Animations


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_moves_at_its_own_times(tmp_path: Path, form: str) -> None:
    source = opened(tmp_path, moving(form))
    assert source.rate == 30, "three times its own"
    shown = [cards.patches_of(rgb_of(frame, source)) for frame in source.frames()]
    assert len(shown) == 9
    pictures = [PATCHES] * 3 + [PATCHES[:, ::-1]] * 3 + [PATCHES] * 3
    for picture, seen in zip(pictures, shown, strict=True):
        assert np.abs(picture - seen).mean() < COARSE
    middle = [frame.i420().tobytes() for frame in source.frames(4)]
    assert middle == [frame.i420().tobytes() for frame in source.frames()][4:]


def test_an_animation_of_many_chunks_moves(tmp_path: Path) -> None:
    """As libav writes APNG: 4 KiB in each, so that Pillow could not go back in it."""
    pictures = [np.random.default_rng(i).integers(0, 256, CARD.shape, np.uint8) for i in range(9)]
    frames = [av.VideoFrame.from_ndarray(rgb, "rgb24") for rgb in pictures]
    path = write_video(tmp_path / "face.apng", frames, codec="apng", form="rgb24")
    source = examine_source(path, "The face")
    assert source.rate == 25
    assert len({frame.i420().tobytes() for frame in source.frames()}) == 9


@pytest.mark.parametrize(("duration", "seconds"), [(40, 0.12), (33, 0.1), (500, 1.5), (0, 0.3)])
def test_an_animation_lasts_as_long_as_browsers_show_it(
    tmp_path: Path, duration: int, seconds: float
) -> None:
    source = opened(tmp_path, moving("WEBP", duration))
    assert sum(1 for _ in source.frames()) == pytest.approx(seconds * source.rate, abs=1)


# Videos

HD, FULL_HD, SD, WIDE = (1, 1, 1, 1), (1, 1, 1, 2), (6, 6, 6, 1), (9, 9, 14, 1)
Video = tuple[Callable[[], np.ndarray | av.VideoFrame], str, str, tuple[int, int, int, int] | None]
VIDEOS: dict[str, Video] = {
    "BT.601 without tags": (lambda: painted(CARD), "ffv1", "yuv420p", None),
    "BT.709": (lambda: painted(CARD, matrix="709"), "ffv1", "yuv420p", HD),
    "BT.709, full": (lambda: painted(CARD, "yuv422p", "709", True), "ffv1", "yuv422p", FULL_HD),
    "BT.2020 in SDR": (
        lambda: painted(CARD, "yuv420p10le", "2020"), "ffv1", "yuv420p10le", WIDE,
    ),
    "old full swing": (
        lambda: painted(CARD, "yuvj420p", full=True), "mjpeg", "yuvj420p", (5, 6, 6, 2),
    ),
    "planar RGB": (lambda: cards.reformatted("gbrp"), "utvideo", "gbrp", None),
    "planar RGB of 10 bits": (lambda: cards.reformatted("gbrp10le"), "ffv1", "gbrp10le", None),
    "RGB in PNG": (lambda: cards.reformatted("rgb24"), "png", "rgb24", None),
    "RGB of QuickTime": (lambda: cards.reformatted("rgb24"), "qtrle", "rgb24", None),
    "ProRes": (
        lambda: painted(CARD, "yuv422p10le", "709"), "prores_ks", "yuv422p10le", HD,
    ),
    "H.264 of 4:4:4": (lambda: painted(CARD, "yuv444p", "709"), "libx264", "yuv444p", HD),
    "H.264 of 10 bits": (
        lambda: painted(CARD, "yuv420p10le", "709"), "libx264", "yuv420p10le", HD,
    ),
    "HEVC of 10 bits": (
        lambda: painted(CARD, "yuv420p10le", "709"), "libx265", "yuv420p10le", HD,
    ),
    "VP9": (lambda: painted(CARD, matrix="709"), "libvpx-vp9", "yuv420p", HD),
    "MPEG-4": (lambda: painted(CARD), "mpeg4", "yuv420p", SD),
}  # fmt: skip


@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_comes_out_in_its_colours(tmp_path: Path, name: str) -> None:
    made, codec, form, tags = VIDEOS[name]
    suffix = {"ffv1": "mkv", "libvpx-vp9": "webm", "utvideo": "avi"}.get(codec, "mov")
    content = filmed(tmp_path, made(), f"face.{suffix}", codec=codec, form=form, tags=tags)
    source = opened(tmp_path, content)
    error = error_of(source, CARD)
    print(f"\n  {error:.2f}")
    assert error < (FINE if codec in ("ffv1", "utvideo", "png", "qtrle") else COARSE)
    said = "The face has more than 8 bits a sample, and the result 8; {} keep 10."
    assert source.notes == ((said.format("h265, av1, prores, lossless"),) if "10" in form else ())


@pytest.mark.parametrize("full", [False, True], ids=["studio", "full"])
@pytest.mark.parametrize("form", ["yuv420p10le", "yuv422p10le", "yuv444p10le"])
@pytest.mark.parametrize(("name", "code"), [("PQ", 16), ("HLG", 18)])
def test_hdr_is_tone_mapped_and_what_is_not_too_bright_stays_as_bright(
    tmp_path: Path, name: str, code: int, form: str, full: bool
) -> None:
    signal = {"PQ": cards.pq, "HLG": cards.hlg}[name]
    tags = (9, 9, code, 2 if full else 1)
    picture = hdr(signal, form, full)
    content = filmed(tmp_path, picture, "face.mkv", codec="ffv1", form=form, tags=tags)
    source = opened(tmp_path, content)
    assert source.colour == Colour(BT709, BT709, BT709, LIMITED)
    error = error_of(source, CARD)
    print(f"\n  {error:.2f}")
    assert error < FINE
    assert source.notes == (f"The face is HDR ({name}): it is tone-mapped to BT.709.",)


def test_the_brightest_is_white_and_diffuse_white_is_a_little_below() -> None:
    """By the curve of ITU-R BT.2390: 203 cd/m2 become 158 of 203."""
    white, brightest = (toned(np.full((1, 3), light))[0, 0] for light in (203.0, 1000.0))
    assert brightest == pytest.approx(203, abs=0.1)
    assert white == pytest.approx(158, abs=1.5)
    steps = toned(np.linspace(1, 1000, 200)[:, None].repeat(3, axis=1))[:, 0]
    assert (np.diff(steps) > 0).all()


# Interlaced


INTERLACED = {"flags": "+ildct+ilme+qscale", "qscale": "2"}


def interlaced(folder: Path, count: int = 10, **how: Any) -> Path:
    """In MPEG-2, as of a camera or of television."""
    pictures = list(cards.combed(count))
    return write_video(folder / "face.mpg", pictures, codec="mpeg2video", options=INTERLACED, **how)


def comb_of(frame: Frame) -> float:
    """How much lines differ from the next, beyond how they differ from the one after it."""
    luma = frame.planes()[0].astype(float)
    return float(np.abs(luma[1:] - luma[:-1]).mean() - np.abs(luma[2:] - luma[:-2]).mean())


def test_interlaced_pictures_are_deinterlaced_one_for_two_fields(tmp_path: Path) -> None:
    source = examine_source(interlaced(tmp_path), "The face")
    frames = list(source.frames())
    assert len(frames) == 10
    assert source.rate == 25
    assert source.notes == ("The face is interlaced: each of its pictures is deinterlaced.",)
    with av.open(str(tmp_path / "face.mpg")) as container:
        stored = [Frame(0, picture) for picture in container.decode(video=0)]
    assert min(map(comb_of, stored)) > 5
    assert max(map(comb_of, frames)) < 1


def test_interlaced_pictures_are_the_same_from_every_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = examine_source(interlaced(tmp_path, 10, gop=4), "The face")
    forward = [(frame.index, frame.i420().tobytes()) for frame in source.frames()]
    assert len({samples for _, samples in forward}) == 10
    monkeypatch.setattr("lipsyncd.media.source.SEEK_MARGINS", (Fraction(1, 25),))
    for start in range(10):
        assert [(f.index, f.i420().tobytes()) for f in source.frames(start)] == forward[start:]
    assert [(f.index, f.i420().tobytes()) for f in source.frames_backward(10)] == forward[::-1]


# What is refused

REFUSED: dict[str, tuple[Callable[[], bytes], type[InputError], str]] = {
    "JPEG XL": (lambda: b"\xff\x0a" + bytes(99), UnreadableMedia, "it is JPEG XL"),
    "Photoshop": (lambda: b"8BPS" + bytes(99), UnreadableMedia, "it is a Photoshop document"),
    "SVG": (lambda: b"<svg xmlns=''></svg>", UnreadableMedia, "it is SVG"),
    "icon": (lambda: b"\0\0\x01\0" + bytes(99), UnreadableMedia, "it is an icon"),
    "raw file": (cards.raw_file, UnreadableMedia, "it is a camera's raw file"),
    "measurements": (
        lambda: saved("TIFF", GREY[..., 0].astype(np.float32), "F"), UnreadableMedia, "is an image",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    made, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words) as caught:
        opened(tmp_path, made())
    assert caught.value.hint.endswith((" a picture by `ffmpeg -i IN OUT.png`.", "save it as PNG."))


@pytest.mark.parametrize(
    "form", ["PNG", "JPEG", "WEBP", "TIFF", "HEIF", "AVIF", "JPEG2000", "BMP", "TGA", "GIF"]
)
def test_a_still_that_breaks_off_is_named(tmp_path: Path, form: str) -> None:
    content = saved(form, np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8))
    with pytest.raises((TruncatedMedia, UnreadableMedia)) as caught:
        opened(tmp_path, content[: len(content) // 2])
    print(f"\n  {caught.value}")
