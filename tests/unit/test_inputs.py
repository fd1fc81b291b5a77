"""What a job's options and its files do not have in common is said before there is any work."""

from pathlib import Path

import pytest
from support.media.synthetic import textured, write_video

from lipsyncd.errors import InvalidRequest
from lipsyncd.media.encoders import ENCODERS
from lipsyncd.protocol.options import Options
from lipsyncd.render.inputs import examined_face


def strip(folder: Path, width: int, height: int) -> Path:
    return write_video(folder / "face.mkv", [textured(1, width, height)], codec="ffv1")


@pytest.mark.parametrize(
    ("format", "codec", "advice"),
    [
        ("mp4", "h265", "Choose the codec h264 or vp9."),
        ("mov", "h265", "Choose the codec h264 or prores."),
        ("webm", "av1", "Choose the codec vp9."),
    ],
)
def test_a_codec_that_cannot_take_a_narrow_picture_is_refused_with_one_that_can(
    tmp_path: Path, format: str, codec: str, advice: str
) -> None:
    path = strip(tmp_path, 8192, 16)
    with pytest.raises(InvalidRequest, match=f"{codec} takes no picture of 8192 x 16") as refusal:
        examined_face(path, Options(format=format, codec=codec))
    assert refusal.value.hint == advice
    named = advice.removeprefix("Choose the codec ").rstrip(".").split(" or ")
    for other in named:
        assert examined_face(path, Options(format=format, codec=other)).width == 8192


def test_the_least_that_a_codec_takes_is_taken(tmp_path: Path) -> None:
    for codec, encoder in ENCODERS.items():
        path = strip(tmp_path, 1024, encoder.least)
        source = examined_face(path, Options(format="mkv", codec=codec))
        assert source.height == encoder.least
