"""A result has the 10 bits of its face where its codec can, and HDR is kept where that is asked."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.media import cards
from support.media.faces import neutral_in, seen_as
from support.media.synthetic import (
    babble,
    examined,
    painted,
    result_at,
    textured,
    write_video,
    write_voice,
)

from lipsyncd.errors import InvalidRequest
from lipsyncd.face.blend import Asked, Blend
from lipsyncd.face.box import Box
from lipsyncd.face.face import Face
from lipsyncd.face.motion import MASK
from lipsyncd.face.soft import SoftBlend
from lipsyncd.face.transfer import TransferBlend
from lipsyncd.media.coding import coder_of
from lipsyncd.media.colour import FULL, HLG, LIMITED, PQ, Colour
from lipsyncd.media.encoders import ENCODERS
from lipsyncd.media.frame import Frame, planes_in, planes_of
from lipsyncd.media.look import Finisher, Wanted
from lipsyncd.media.mapping import table_of
from lipsyncd.media.output import Output
from lipsyncd.media.source import Source, examine_source
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.outputs import DEEP, FORMATS

SIGNALS = {PQ: cards.pq, HLG: cards.hlg}
TRANSFERS = pytest.mark.parametrize("transfer", [PQ, HLG], ids=["PQ", "HLG"])
DEEPEST = [
    (form, codec) for form, each in FORMATS.items() for codec in each.codecs if codec in DEEP
]
GRADED = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    ":max-cll=900,400:log-level=none"
)
KEPT = Wanted(bits=10, keeps_hdr=True)


def filmed(
    folder: Path, picture: av.VideoFrame, tags: tuple[int, ...], *, wanted: Wanted, **how: Any
) -> Source:
    """Three pictures, without loss; of fewer x265 does not know when they are decoded."""
    usual = {"codec": "ffv1", "form": picture.format.name} | how
    path = write_video(folder / "face.mkv", [picture] * 3, tags=tags, **usual)
    return examine_source(path, "The face", wanted=wanted)


def hdr(transfer: int, form: str = "yuv420p10le", full: bool = False) -> av.VideoFrame:
    return cards.hdr(SIGNALS[transfer], form, full)


def bright(transfer: int, shape: tuple[int, int] = (240, 320)) -> av.VideoFrame:
    """HDR that is brighter in places than SDR can be."""
    rgb = textured(5, shape[1], shape[0])
    light = np.maximum(cards.light_of(rgb) * 2, 1e-3)
    return painted(255 * SIGNALS[transfer](light), "yuv420p10le", "2020")


@pytest.mark.parametrize("full", [False, True], ids=["studio", "full"])
@TRANSFERS
def test_kept_hdr_has_the_samples_of_its_source(tmp_path: Path, transfer: int, full: bool) -> None:
    tags = (9, 9, transfer, FULL if full else LIMITED)
    source = filmed(tmp_path, hdr(transfer, full=full), tags, wanted=KEPT)
    frame = next(source.frames())
    assert source.final == Colour(9, 9, transfer, FULL if full else LIMITED, bits=10)
    for found, wanted in zip(
        frame.final.planes(), planes_in(hdr(transfer, full=full)), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    assert [plane.dtype for plane in frame.planes()] == [np.uint8] * 3  # as faces are seen in it
    name = {PQ: "PQ", HLG: "HLG"}[transfer]
    assert source.notes == (f"The face is HDR ({name}): its samples are kept, in 10 bits.",)


@TRANSFERS
def test_kept_hdr_that_says_no_more_is_taken_for_bt2020(tmp_path: Path, transfer: int) -> None:
    source = filmed(tmp_path, hdr(transfer), (2, 2, transfer, LIMITED), wanted=KEPT)
    assert source.final == Colour(9, 9, transfer, LIMITED, bits=10)


@pytest.mark.parametrize("turn", [0, 90])
@pytest.mark.parametrize("form", ["yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le"])
def test_other_forms_are_brought_to_ten_bits(tmp_path: Path, form: str, turn: int) -> None:
    rgb = cards.CARD[: 3 * cards.SIDE - 1]  # an odd height
    picture = (
        painted(rgb[:-1], "yuv420p10le", "709") if "420" in form else painted(rgb, form, "709")
    )
    if form == "yuv420p12le":
        picture = picture.reformat(format=form)
    path = write_video(
        tmp_path / "face.mov", [picture] * 3, codec="libx265", form=form,
        tags=(1, 1, 1, 1), turn=turn, options={"x265-params": "log-level=none", "crf": "1"},
    )  # fmt: skip
    source = examine_source(path, "The face", wanted=Wanted(bits=10))
    frame = next(source.frames())
    shown, final = frame.planes()[0].astype(float), frame.final.planes()[0] / 4
    assert final.shape == shown.shape == ((128, 94) if turn else (94, 128))
    assert np.abs(final - shown).mean() < 0.5
    assert source.final == Colour(1, 1, 1, LIMITED, bits=10)


@TRANSFERS
def test_a_colour_as_it_is_shown_becomes_the_hdr_that_it_was(transfer: int) -> None:
    """What is not brighter than SDR goes there and back."""
    light = cards.light_of(cards.PATCHES.astype(float)).reshape(-1, 3)
    signal = SIGNALS[transfer](light)
    table = table_of(9, transfer)
    steps = len(table) - 1
    nearest = np.rint(signal * steps).astype(int)
    seen = np.array([table[b, g, r] for r, g, b in nearest])
    coded = coder_of(Colour(9, 9, transfer, LIMITED, bits=10))
    samples = coded((255 * seen[None, :, ::-1]).astype(np.float32))[0]
    wanted = nearest / steps @ [0.2627, 0.6780, 0.0593]
    inside = (seen > 0.01).all(axis=1) & (seen < 0.99).all(axis=1)
    assert inside.sum() >= 6
    assert np.abs((samples[:, 0] - 64) / 876 - wanted)[inside].max() < 0.006


def test_brighter_colours_have_brighter_samples() -> None:
    greys = np.repeat(np.arange(256, dtype=np.float32)[None, :, None], 3, axis=2)
    for transfer in SIGNALS:
        luma = coder_of(Colour(9, 9, transfer, LIMITED, bits=10))(greys)[0, :, 0]
        assert (np.diff(luma) > 0).all()
        assert 64 <= luma[0] <= 66


def blends(final: Colour, colour: Colour, frame: Frame, face: Face) -> dict[str, Blend]:
    neutral = neutral_in(frame, face, colour)
    return {
        "soft": SoftBlend(colour, lambda _: neutral, final),
        "transfer": TransferBlend(final, lambda _: neutral),
    }


@pytest.mark.parametrize("kind", ["soft", "transfer"])
@TRANSFERS
def test_beside_the_mouth_every_sample_stays_and_the_new_mouth_is_that_of_sdr(
    tmp_path: Path, transfer: int, kind: str
) -> None:
    source = filmed(tmp_path, bright(transfer), (9, 9, transfer, LIMITED), wanted=KEPT)
    frame, face = next(source.frames()), Face(Box(100, 60, 196, 156))
    blend = blends(source.final, source.colour, frame, face)[kind]
    asked = blend.ask(frame, seen_as(face))
    mouth = asked.crop[48:].astype(np.float32)
    mouth[16:34, 30:66] = (30, 20, 90)  # it opens
    canvas = blend.canvas(frame)
    blend.paste(canvas, frame, asked, mouth)
    picture = blend.picture(canvas, frame)
    assert picture.format.name == "yuv420p10le"
    rows, columns = slice(106, 158), slice(98, 198)
    for plane, after, step in zip(
        frame.final.planes(), planes_of(picture.to_ndarray()), (1, 2, 2), strict=True
    ):
        change = after.astype(int) - plane
        assert change.any()
        change[
            rows.start // step : rows.stop // step, columns.start // step : columns.stop // step
        ] = 0
        assert not change.any()
    viewed = planes_in(Finisher(source.look).viewed(picture))[0][124:140, 135:160].astype(float)
    eight = blends(source.colour, source.colour, Frame(0, frame.picture), face)[kind]
    asked = eight.ask(Frame(0, frame.picture), seen_as(face))
    canvas = eight.canvas(Frame(0, frame.picture))
    eight.paste(canvas, Frame(0, frame.picture), asked, mouth)
    wanted = planes_of(canvas)[0][124:140, 135:160]
    assert np.abs(viewed - wanted).mean() < 5
    assert np.abs(viewed - frame.planes()[0][124:140, 135:160]).mean() > 25


@pytest.mark.parametrize("kind", ["soft", "transfer"])
def test_a_mouth_that_does_not_change_leaves_ten_bits_as_they_are(
    tmp_path: Path, kind: str
) -> None:
    picture = painted(textured(5, 320, 240), "yuv420p10le", "709")
    source = filmed(tmp_path, picture, (1, 1, 1, LIMITED), wanted=Wanted(bits=10))
    frame, face = next(source.frames()), Face(Box(100, 60, 196, 156))
    blend = blends(source.final, source.colour, frame, face)[kind]
    asked: Asked = blend.ask(frame, seen_as(face))
    canvas = blend.canvas(frame)
    blend.paste(canvas, frame, asked, asked.crop[48:].astype(np.float32))
    if kind == "transfer":  # whose neutral face is this one's copy for copy
        assert np.abs(planes_of(canvas)[0].astype(int) - frame.final.planes()[0]).max() <= 8
    else:
        inside = planes_of(canvas)[0][108:156, 100:196].astype(int)
        there = frame.final.planes()[0][108:156, 100:196]
        assert np.abs(inside - there)[MASK < 0.5].mean() < 8


def written(folder: Path, source: Source, form: str, codec: str) -> Path:
    voice = write_voice(folder / "voice.wav", babble(0.5))
    path = folder / f"result.{form}"
    output = Output(form, codec, crf=4)
    with result_at(path, source, examined(voice, form), output) as made:
        for frame in source.frames():
            made.write(frame.final.picture)
    return path


def test_the_codecs_of_more_than_eight_bits_are_those_whose_encoders_have_them() -> None:
    assert {codec for codec, encoder in ENCODERS.items() if encoder.deep} == {*DEEP}


@pytest.mark.parametrize(("form", "codec"), DEEPEST)
def test_kept_hdr_has_its_tags_and_what_it_was_graded_for(
    tmp_path: Path, form: str, codec: str
) -> None:
    source = filmed(
        tmp_path, bright(PQ), (9, 9, PQ, LIMITED), wanted=KEPT,
        codec="libx265", options={"x265-params": GRADED, "crf": "4"},
    )  # fmt: skip
    with av.open(str(written(tmp_path, source, form, codec))) as container:
        context = container.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc)
        assert tags == (9, 9, PQ)
        picture = next(container.decode(video=0))
        assert (picture.colorspace, picture.color_primaries, picture.color_trc) == (9, 9, PQ)
        assert "10" in picture.format.name
        luma = planes_in(picture)[0].astype(float)
        assert np.abs(luma - next(source.frames()).final.planes()[0]).mean() < 4
        kinds = {each.type.name for each in picture.side_data}
        said = {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
        assert kinds & said == (said if codec in ("h265", "av1") else set())


def test_what_it_was_graded_for_is_the_same_afterwards(tmp_path: Path) -> None:
    how = {"codec": "libx265", "options": {"x265-params": GRADED, "crf": "4"}}
    source = filmed(tmp_path, bright(PQ), (9, 9, PQ, LIMITED), wanted=KEPT, **how)
    told = source.look.mastering
    assert told
    assert told.light == (900, 400)
    for codec in ("h265", "av1"):
        (tmp_path / codec).mkdir()
        path = written(tmp_path / codec, source, "mkv", codec)
        again = examine_source(path, "The result", wanted=KEPT).look.mastering
        assert again
        assert again.light == told.light
        np.testing.assert_allclose(again.display, told.display, rtol=1e-3, atol=1e-4)


def test_without_loss_ten_bits_are_the_same_to_the_bit(tmp_path: Path) -> None:
    picture = painted(textured(5, 320, 240), "yuv420p10le", "709")
    source = filmed(tmp_path, picture, (1, 1, 1, LIMITED), wanted=Wanted(bits=10))
    with av.open(str(written(tmp_path, source, "mkv", "lossless"))) as container:
        found = next(container.decode(video=0)).to_ndarray()
    np.testing.assert_array_equal(found, picture.to_ndarray())


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_what_has_no_ten_bits_here_says_so(tmp_path: Path, codec: str) -> None:
    assert Options(format="mkv", codec=codec).bits == 8
    picture = painted(cards.CARD, "yuv420p10le", "709")
    source = filmed(tmp_path, picture, (1, 1, 1, LIMITED), wanted=Wanted(bits=8))
    assert next(source.frames()).deep is None
    (note,) = source.notes
    assert "more than 8 bits" in note
    assert all(each in note for each in DEEP)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({}, "Choose the codec h265 or av1."),
        ({"format": "mov"}, "Choose the codec h265 or prores."),
        ({"format": "webm"}, "Choose the codec av1."),
        ({"codec": "h265", "blend": "box"}, "Choose the blend transfer or soft."),
    ],
)
def test_hdr_is_not_kept_in_eight_bits(options: dict[str, str], advice: str) -> None:
    with pytest.raises(InvalidRequest, match="8 bits") as refusal:
        Options(hdr="keep", **options)
    assert refusal.value.hint == advice
    assert Options(hdr="keep", codec="h265").bits == 10


@TRANSFERS
def test_hdr_of_an_image_is_mapped_and_said_to_be(tmp_path: Path, transfer: int) -> None:
    code_points = bytes((9, transfer, 0, 1))
    signal = np.rint(255 * SIGNALS[transfer](cards.light_of(cards.CARD))).astype(np.uint8)
    path = tmp_path / "face.png"
    path.write_bytes(cards.with_chunk(cards.saved("PNG", signal), b"cICP", code_points))
    for wanted in (Wanted(), KEPT):
        source = examine_source(path, "The face", wanted=wanted)
        name = {PQ: "PQ", HLG: "HLG"}[transfer]
        assert source.notes == (f"The face is HDR ({name}): it is tone-mapped to sRGB.",)
        assert source.final.bits == 8
