"""A face or a voice is named as a file; what is none is told apart."""

from pathlib import Path

import pytest

from lipsyncctl.client.submit import open_input
from lipsyncd.errors import UnreadableMedia


@pytest.mark.parametrize(
    "name", ["https://example.org/speaker.mp4", "file:///tmp/speaker.mp4", "S3://voices/hello.wav"]
)
def test_an_address_is_no_file(name: str) -> None:
    with pytest.raises(UnreadableMedia) as caught, open_input(name):
        pass
    assert caught.value.message == f"{name} is an address, and no file."
    assert caught.value.hint == "Download it and name the file."


def test_a_file_that_is_not_there_is_not_taken_for_an_address(tmp_path: Path) -> None:
    missing = open_input(tmp_path / "speaker.mp4")
    with pytest.raises(UnreadableMedia, match="cannot be opened: No such file"), missing:
        pass
