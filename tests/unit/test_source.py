"""A source shows a face at a constant rate, upright, from any place, and reads no other file."""

import ctypes
import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.measure import measured
from support.media.synthetic import (
    QUARTERS,
    colours_of,
    moving,
    number_of,
    numbered,
    oriented,
    painted,
    quartered,
    textured,
    tone,
    write_still,
    write_video,
    write_voice,
)

from lipsyncd.errors import InputGone, NoVideoStream, TruncatedMedia, UnreadableMedia
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source, examine_source

EXACT = {"crf": "1", "preset": "ultrafast"}
NEAR = 6  # of 255: what renderer swing, 8-bit chroma and a fine quantiser may cost a colour


def opened(path: Path) -> Source:
    return examine_source(path, "The face")


def numbers(path: Path) -> list[int]:
    source = opened(path)
    return [number_of(frame) for frame in source.frames()]


def samples(frame: Frame) -> bytes:
    return frame.i420().tobytes()


def due_before_middles(times: list[float], rate: Fraction, count: int) -> list[int]:
    """For each slot the number of the last picture due before its middle."""
    middles = [(slot + 0.5) / float(rate) for slot in range(count)]
    return [max(i for i, due in enumerate(times) if due < middle) for middle in middles]


# The constant rate


def test_every_picture_of_a_constant_rate_is_shown_once(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mp4", map(numbered, range(15)))
    source = opened(path)
    assert source.rate == 25
    frames = list(source.frames())
    assert [frame.index for frame in frames] == list(range(15))
    assert [number_of(frame) for frame in frames] == list(range(15))


@pytest.mark.parametrize("rate", ["24000/1001", "24", "30000/1001", "50"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_the_rate_of_a_file_is_kept_exactly(tmp_path: Path, rate: str, suffix: str) -> None:
    """Also in Matroska, whose timestamps are whole milliseconds."""
    path = write_video(tmp_path / f"face.{suffix}", moving(30), rate=Fraction(rate), codec="mpeg4")
    source = opened(path)
    assert source.rate == Fraction(rate)
    assert sum(1 for _ in source.frames()) == 30


def test_a_variable_rate_becomes_constant_by_timestamps(tmp_path: Path) -> None:
    """Each slot shows the last picture that is due before the middle of the slot."""
    times = [0, 0.04, 0.08, 0.20, 0.24, 0.28, 0.32, 0.48, 0.52, 0.56]
    path = write_video(tmp_path / "face.mp4", map(numbered, range(10)), times=times)
    source = opened(path)
    rate = source.rate
    shown = [number_of(frame) for frame in source.frames()]
    assert shown == due_before_middles(times, rate, len(shown))
    assert len(shown) == pytest.approx(0.6 * rate, abs=1)


def test_pictures_that_come_too_fast_are_left_out_and_time_is_kept(tmp_path: Path) -> None:
    """A burst at 100 frames a second in a video of 25."""
    times = [i / 25 for i in range(5)] + [0.202 + i / 100 for i in range(4)]
    times += [0.242 + i / 25 for i in range(8)]
    path = write_video(tmp_path / "face.mp4", map(numbered, range(17)), times=times)
    source = opened(path)
    shown = [number_of(frame) for frame in source.frames()]
    assert shown == due_before_middles(times, source.rate, len(shown))
    assert len(shown) == pytest.approx(0.56 * source.rate, abs=1)


def test_a_video_that_starts_late_is_shown_from_its_first_picture(tmp_path: Path) -> None:
    times = [1.5 + i / 25 for i in range(10)]
    path = write_video(tmp_path / "face.mkv", map(numbered, range(10)), times=times)
    assert numbers(path) == list(range(10))


def test_timestamps_in_milliseconds_neither_double_nor_drop_a_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mkv", map(numbered, range(19)), rate=Fraction(30000, 1001))
    assert numbers(path) == list(range(19))


# Any place in it


@dataclass(frozen=True)
class Form:
    """A way of writing a video; `size` where small pictures hide something."""

    name: str
    options: dict[str, Any]
    size: tuple[int, int] = (64, 48)


OPEN = {"x264-params": "open-gop=1"}
SHARP = {"qscale": "2", "flags": "+qscale"}
FORMS = {
    "B-frames": Form("face.mp4", {"options": {"bf": "3"}, "gop": 12}),
    "one keyframe": Form("face.mp4", {"options": {"bf": "2"}, "gop": 600}),
    "open groups": Form(
        "face.mp4", {"options": {"bf": "3", "x264-params": "open-gop=1"}, "gop": 8}
    ),
    "Matroska": Form("face.mkv", {"rate": Fraction(30000, 1001), "gop": 9}),
    "WebM": Form("face.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}, "gop": 20}),
    "AVI": Form("face.avi", {"codec": "mpeg4", "gop": 10}),
    "AVI with B-frames": Form("face.avi", {"options": {"bf": "3"}, "gop": 10}),
    "Flash": Form("face.flv", {"options": {"bf": "2"}, "gop": 8}),
    "transport stream": Form("face.ts", {"options": {"bf": "2"}, "gop": 10}),
    "MPEG-1": Form("face.mpg", {"codec": "mpeg1video", "options": SHARP, "gop": 12}, (320, 240)),
    "MPEG-1 in small packets": Form(
        "face.mpg", {"codec": "mpeg1video", "options": {"bf": "2"}, "gop": 10}
    ),
    "late start": Form("face.mkv", {"times": [2 + i / 25 for i in range(40)]}),
}


@pytest.fixture(params=FORMS)
def video(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    form = FORMS[request.param]
    return write_video(tmp_path / form.name, moving(40, *form.size), **form.options)


def decoded(path: Path) -> list[bytes]:
    """Every picture of a file, read once from the beginning without jumping."""
    with av.open(str(path)) as container:
        return [picture.to_ndarray().tobytes() for picture in container.decode(video=0)]


def test_no_picture_of_a_video_is_lost(video: Path) -> None:
    source = opened(video)
    assert [samples(frame) for frame in source.frames()] == decoded(video)


def test_frames_from_any_slot_are_those_of_the_forward_pass(video: Path) -> None:
    expected = decoded(video)
    assert len(set(expected)) == 40
    source = opened(video)
    for start in (0, 1, 2, 3, 7, 11, 12, 13, 25, 31, 37, 39):
        found = [(frame.index, samples(frame)) for frame in source.frames(start)]
        assert found == list(enumerate(expected))[start:]


def test_frames_backward_are_the_forward_pass_reversed(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In stretches of a few frames, as large pictures have."""
    expected = decoded(video)
    monkeypatch.setattr("lipsyncd.media.source.BACKWARD_BYTES", 7 * len(expected[0]))
    source = opened(video)
    for stop in (40, 22, 1):
        found = [(frame.index, samples(frame)) for frame in source.frames_backward(stop)]
        assert found == list(enumerate(expected))[:stop][::-1]


def test_a_variable_rate_is_the_same_from_every_slot(tmp_path: Path) -> None:
    times = [i / 25 + (i % 3) * 0.01 + (i > 20) * 0.3 for i in range(40)]
    path = write_video(tmp_path / "face.mp4", moving(40), times=times, options={"bf": "2"})
    source = opened(path)
    forward = [(frame.index, samples(frame)) for frame in source.frames()]
    for start in range(0, len(forward), 4):
        assert [(f.index, samples(f)) for f in source.frames(start)] == forward[start:]
    backward = [(f.index, samples(f)) for f in source.frames_backward(len(forward))]
    assert backward == forward[::-1]


def test_a_raw_stream_is_read_or_refused_as_unreadable(tmp_path: Path) -> None:
    """Raw H.264 has no index to jump by."""
    path = write_video(tmp_path / "face.h264", moving(12))
    try:
        source = opened(path)
        assert [samples(frame) for frame in source.frames()] == decoded(path)
    except UnreadableMedia as error:
        assert "The face" in error.message


def test_a_frame_stays_what_it_was_while_others_are_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mp4", moving(40), options={"bf": "3"})
    source = opened(path)
    frames, copies = [], []
    for frame in source.frames():
        frames.append(frame)
        copies.append(samples(frame))
    list(source.frames_backward(20))
    assert [samples(frame) for frame in frames] == copies


def test_no_picture_is_kept_that_nobody_holds(tmp_path: Path) -> None:
    """Nor does it wait for the collector of garbage, which comes too seldom for pictures."""
    path = write_video(tmp_path / "face.mp4", moving(200, 640, 480))
    source = opened(path)
    gc.disable()
    try:
        with measured() as cost:
            assert sum(1 for _ in source.frames()) == 200
    finally:
        gc.enable()
    assert cost.mib < 200 * 640 * 480 * 1.5 / (1 << 20) / 2


# Upright, of even size, in the right colours


@pytest.mark.parametrize(("turn", "quarters"), [(0, 0), (90, 1), (180, 2), (270, 3), (-90, -1)])
@pytest.mark.parametrize("form", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_a_turned_video_comes_out_upright(
    tmp_path: Path, turn: int, quarters: int, form: str
) -> None:
    path = write_video(
        tmp_path / "face.mp4", [quartered()] * 3, turn=turn, form=form, options=EXACT
    )
    expected = np.rot90(quartered(), quarters)
    source = opened(path)
    assert (source.height, source.width) == expected.shape[:2]
    frame = next(source.frames())
    assert (frame.height, frame.width) == expected.shape[:2]
    seen = colours_of(frame)
    height, width = expected.shape[:2]
    wanted = expected[[height // 4, height // 4, -height // 4, -height // 4],
                      [width // 4, -width // 4, width // 4, -width // 4]]  # fmt: skip
    np.testing.assert_allclose(seen, wanted, atol=NEAR)


def test_turned_by_the_matrix_of_a_telephone(tmp_path: Path) -> None:
    """Held upright it writes the matrix (0 1 0; -1 0 0): x' = -y, y' = x, a quarter clockwise."""
    path = write_video(tmp_path / "face.mp4", [quartered()] * 3, turn=180, options=EXACT)
    content = path.read_bytes()
    half = (-65536 % (1 << 32)).to_bytes(4)
    one, zero = (65536).to_bytes(4), bytes(4)
    turned_half = half + zero * 3 + half
    turned_quarter = zero + one + zero + half + zero
    assert content.count(turned_half) == 1
    path.write_bytes(content.replace(turned_half, turned_quarter))
    source = opened(path)
    assert (source.width, source.height) == (48, 64)
    top_right = colours_of(next(source.frames()))[1]
    np.testing.assert_allclose(top_right, QUARTERS[0], atol=NEAR)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mirrored_video_comes_out_as_it_was_seen(
    tmp_path: Path, mirrored: bool, quarters: int
) -> None:
    """As telephones write what their front camera sees."""
    path = write_video(tmp_path / "face.mp4", [quartered()] * 3, turn=180, options=EXACT)
    expected = np.rot90(quartered()[:, ::-1] if mirrored else quartered(), quarters)
    path.write_bytes(orientation(path.read_bytes(), -1 if mirrored else 1, quarters))
    source = opened(path)
    assert (source.height, source.width) == expected.shape[:2]
    height, width = expected.shape[:2]
    wanted = expected[[height // 4, height // 4, -height // 4, -height // 4],
                      [width // 4, -width // 4, width // 4, -width // 4]]  # fmt: skip
    np.testing.assert_allclose(colours_of(next(source.frames())), wanted, atol=NEAR)


def orientation(mp4: bytes, side: int, quarters: int) -> bytes:
    """An MP4 that said half a turn, with x mirrored where `side` is -1, then quarters to the left.

    A matrix (a b 0; c d 0) means x' = a x + c y and y' = b x + d y, and y grows downward.
    """
    cosine, sine = [(1, 0), (0, -1), (-1, 0), (0, 1)][quarters]
    fields = (side * cosine, side * sine, 0, -sine, cosine)
    matrix = b"".join((65536 * field % (1 << 32)).to_bytes(4) for field in fields)
    half = (-65536 % (1 << 32)).to_bytes(4)
    turned_half = half + bytes(12) + half
    assert mp4.count(turned_half) == 1
    return mp4.replace(turned_half, matrix)


def test_the_aspect_of_pixels_turns_with_the_picture(tmp_path: Path) -> None:
    for turn, expected in ((0, Fraction(4, 3)), (90, Fraction(3, 4))):
        path = write_video(
            tmp_path / f"{turn}.mp4", [quartered()] * 3, turn=turn, aspect=Fraction(4, 3)
        )
        source = opened(path)
        assert source.aspect == expected


@pytest.mark.parametrize(("orientation", "quarters"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_a_still_comes_out_as_its_camera_was_held(
    tmp_path: Path, orientation: int, quarters: int
) -> None:
    path = write_still(tmp_path / "face.jpg", quartered())
    path.write_bytes(oriented(path.read_bytes(), orientation))
    expected = np.rot90(quartered(), quarters)
    source = opened(path)
    frame = next(source.frames())
    assert (frame.height, frame.width) == expected.shape[:2]
    np.testing.assert_allclose(colours_of(frame, "709")[0], expected[10, 10], atol=NEAR)


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("yuv420p", "ffv1"),
        ("yuv422p", "ffv1"),
        ("yuv444p", "ffv1"),
        ("yuv420p10le", "ffv1"),
        ("yuv422p10le", "ffv1"),
        ("yuv444p10le", "ffv1"),
    ],
)
@pytest.mark.parametrize("matrix", ["601", "709"])
@pytest.mark.parametrize("full", [False, True], ids=["renderer", "full"])
def test_every_format_comes_out_as_even_420_in_its_colours(
    tmp_path: Path, form: str, codec: str, matrix: str, full: bool
) -> None:
    """What the frame's tags then say decodes to the colours that went in."""
    picture = painted(quartered(), form, matrix, full)
    code = {"601": 6, "709": 1}[matrix]
    tags = (code, code, code, 2 if full else 1)
    path = write_video(tmp_path / "face.mkv", [picture], codec=codec, form=form, tags=tags)
    source = opened(path)
    frame = next(source.frames())
    assert source.colour.matrix == code
    assert (source.colour.primaries, source.colour.transfer) == (code, code)
    swing = source.colour.swing
    assert frame.picture.format.name == "yuv420p"
    assert (frame.picture.colorspace, frame.picture.color_range) == (code, swing)
    np.testing.assert_allclose(colours_of(frame, matrix, swing == 2), QUARTERS, atol=4)


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (63, 47), (33, 31)])
def test_an_odd_size_loses_its_last_row_and_column_only(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    width, height = size
    picture = painted(quartered(64, 48)[:height, :width], "yuv444p")
    path = write_video(tmp_path / "face.mkv", [picture], codec="ffv1", form="yuv444p")
    source = opened(path)
    frame = next(source.frames())
    assert (source.width, source.height) == (width // 2 * 2, height // 2 * 2)
    assert (frame.width, frame.height) == (width // 2 * 2, height // 2 * 2)
    luma = np.frombuffer(picture.planes[0], np.uint8).reshape(height, -1)
    np.testing.assert_array_equal(frame.planes()[0], luma[: frame.height, : frame.width])


def test_the_samples_of_the_usual_format_are_not_touched(tmp_path: Path) -> None:
    for full in (False, True):
        picture = painted(textured(2), full=full)
        path = write_video(
            tmp_path / f"{full}.mkv", [picture], codec="ffv1", tags=(6, 6, 6, 2 if full else 1)
        )
        source = opened(path)
        frame = next(source.frames())
        assert source.colour.swing == (2 if full else 1)
        np.testing.assert_array_equal(frame.i420(), picture.to_ndarray())


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
def test_a_still_is_a_frame_at_25_frames_a_second(tmp_path: Path, suffix: str) -> None:
    path = write_still(tmp_path / f"face.{suffix}", quartered())
    source = opened(path.rename(tmp_path / "face"))
    assert source.rate == 25
    frames = list(source.frames())
    assert [frame.index for frame in frames] == [0]
    tolerance = 5 if suffix in ("png", "bmp", "tiff") else 14
    np.testing.assert_allclose(colours_of(frames[0], "709"), QUARTERS, atol=tolerance)


def test_a_grey_still_stays_grey(tmp_path: Path) -> None:
    grey = np.full((48, 64), 90, np.uint8)
    source = opened(write_still(tmp_path / "face.png", grey))
    frame = next(source.frames())
    np.testing.assert_allclose(colours_of(frame, "709"), 90, atol=2)


def test_a_transparent_still_shows_its_colours(tmp_path: Path) -> None:
    alpha = np.dstack([quartered(), np.full((48, 64), 255, np.uint8)])
    source = opened(write_still(tmp_path / "face.png", alpha))
    frame = next(source.frames())
    np.testing.assert_allclose(colours_of(frame, "709"), QUARTERS, atol=5)


def test_a_still_of_16_bits_shows_its_colours(tmp_path: Path) -> None:
    deep = quartered().astype(np.uint16) * 257
    source = opened(write_still(tmp_path / "face.png", deep))
    frame = next(source.frames())
    np.testing.assert_allclose(colours_of(frame, "709"), QUARTERS, atol=5)


def test_a_gif_moves(tmp_path: Path) -> None:
    picture = av.VideoFrame.from_ndarray(quartered(), "rgb24").reformat(format="rgb8")
    other = av.VideoFrame.from_ndarray(quartered()[::-1].copy(), "rgb24").reformat(format="rgb8")
    path = write_video(
        tmp_path / "face.gif", [picture, other, picture, other], codec="gif", form="rgb8", rate=10
    )
    source = opened(path)
    assert source.rate == 30, "three times its own"
    shown = [colours_of(frame) for frame in source.frames()]
    assert len(shown) == 12
    changes = [at for at in range(1, 12) if np.abs(shown[at] - shown[at - 1]).max() > 50]
    assert changes == [3, 6, 9]


# What is refused


def test_text_is_no_media(tmp_path: Path) -> None:
    path = tmp_path / "face"
    path.write_text("To be, or not to be.\n" * 50)
    with pytest.raises(UnreadableMedia, match="The face"):
        opened(path)


def test_an_empty_file_is_no_media(tmp_path: Path) -> None:
    (tmp_path / "face").touch()
    with pytest.raises(UnreadableMedia):
        opened(tmp_path / "face")


def test_a_missing_spool_copy_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InputGone):
        opened(tmp_path / "face")


def test_a_sound_is_no_face(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "face.wav", tone(0.5))
    with pytest.raises(NoVideoStream, match="The face"):
        opened(path)


LONG_FORMS = {
    "MP4": ("face.mp4", {"container_options": {"movflags": "+faststart"}}),
    "AVI": ("face.avi", {}),
    "Matroska": ("face.mkv", {}),
    "Matroska with sound": ("face.mkv", {"sound": tone(12.0)}),
}


@pytest.mark.parametrize("keep", [0.4, 0.6, 0.85])
@pytest.mark.parametrize("form", LONG_FORMS)
def test_a_truncated_video_is_named_as_such(tmp_path: Path, form: str, keep: float) -> None:
    """These state their length before the pictures."""
    name, options = LONG_FORMS[form]
    pictures = moving(60, 320, 240)
    path = write_video(tmp_path / name, pictures, codec="mjpeg", form="yuvj420p", rate=5, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(TruncatedMedia, match="The face breaks off"):
        list(opened(path).frames())


@pytest.mark.parametrize("keep", ["no index", "half an index", "half the pictures"])
def test_an_mp4_that_lost_its_index_is_named_as_such(tmp_path: Path, keep: str) -> None:
    path = write_video(tmp_path / "face.mp4", moving(30))
    content = path.read_bytes()
    index = content.index(b"moov") - 4
    end = {"no index": index, "half an index": (index + len(content)) // 2}.get(keep, index // 2)
    path.write_bytes(content[:end])
    with pytest.raises(TruncatedMedia, match="The face breaks off"):
        list(opened(path).frames())


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_a_whole_video_is_not_called_truncated(tmp_path: Path, suffix: str) -> None:
    """Its sound is longer than its pictures: the file states the longer."""
    path = tmp_path / f"face.{suffix}"
    write_video(path, map(numbered, range(10)), sound=tone(5.0))
    assert numbers(path) == list(range(10))


def test_a_damaged_picture_costs_only_itself(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.avi", moving(20), codec="mjpeg", form="yuvj420p")
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xd8", len(content) // 2)
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    source = opened(path)
    assert sum(1 for _ in source.frames()) == 20


# Nothing but the file is read


@contextmanager
def unopened(path: Path) -> Iterator[None]:
    """Fails if anybody, libav's C code included, opens `path` meanwhile: the kernel tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    in_open = 0x20
    try:
        assert libc.inotify_add_watch(watch, os.fsencode(path), in_open) >= 0
        yield
        with pytest.raises(BlockingIOError):
            os.read(watch, 4096)
    finally:
        os.close(watch)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A video beside the face, that only a playlist would lead to."""
    folder = tmp_path / "secret"
    folder.mkdir()
    return write_video(folder / "secret.ts", moving(10))


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\n{url}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{url}'\n",
    "DASH": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
}


@pytest.mark.parametrize("address", ["{path}", "file:{path}", "secret/secret.ts"])
@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["face", "face.m3u8"])
def test_a_file_that_names_another_is_refused_and_the_other_is_not_read(
    secret: Path, kind: str, address: str, name: str
) -> None:
    face = secret.parents[1] / name
    face.write_text(PLAYLISTS[kind].format(url=address.format(path=secret)))
    with unopened(secret), pytest.raises(UnreadableMedia):
        list(opened(face).frames())


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_file_that_names_an_address_is_refused_and_nobody_is_called(
    tmp_path: Path, kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/face.ts"
        (tmp_path / "face").write_text(PLAYLISTS[kind].format(url=url))
        with pytest.raises(UnreadableMedia):
            list(opened(tmp_path / "face").frames())
        with pytest.raises(BlockingIOError):
            server.accept()
