"""A size that a writer could not know is read as what it turned out to be, in whatever pieces."""

import io
from pathlib import Path

import pytest
from support.media.voices import changed, muxed, sized, written

from lipsyncd.media.budget import BudgetedFile, TimeBudget
from lipsyncd.media.streamed import true_sizes

UNTOLD = {
    "RF64": (b"ds64", 12, bytes(8), {"form": "wav", "rf64": "always"}),
    "Wave64": (b"data", 12, b"\xff" * 7 + b"\x7f", {"form": "w64"}),
}


@pytest.mark.parametrize("name", UNTOLD)
@pytest.mark.parametrize("piece", [1, 3, 4096])
def test_the_true_size_is_read_in_pieces_of_any_length(
    tmp_path: Path, name: str, piece: int
) -> None:
    mark, skipped, size, how = UNTOLD[name]
    content = muxed(codec="pcm_s16le", **how)(tmp_path).read_bytes()
    at = content.index(mark) + len(mark) + skipped
    untold = content[:at] + size + content[at + len(size) :]
    assert untold != content
    file = BudgetedFile(io.BytesIO(untold), TimeBudget("The voice"))
    read = b"".join(iter(lambda: file.read(piece), b""))
    assert read == content


@pytest.mark.parametrize("name", UNTOLD)
def test_a_size_that_is_known_is_left_alone(tmp_path: Path, name: str) -> None:
    """Also that of a file that breaks off."""
    content = muxed(codec="pcm_s16le", **UNTOLD[name][3])(tmp_path).read_bytes()
    for whole in (content, content[: len(content) // 2]):
        assert true_sizes(io.BytesIO(whole), 0) == {}


@pytest.mark.parametrize("suffix", ["wav", "aiff", "caf", "au"])
def test_other_headers_are_left_alone(tmp_path: Path, suffix: str) -> None:
    codec = "pcm_s16le" if suffix == "wav" else "pcm_s16be"
    maker = written(f"voice.{suffix}", codec)
    maker = changed(maker, sized(0xFFFFFFFF)) if suffix == "wav" else maker
    assert true_sizes(io.BytesIO(maker(tmp_path).read_bytes()), 0) == {}


@pytest.mark.parametrize("content", [b"", b"RF64", b"FORM\0\0\0\0AIFF", b"FORM" + bytes(60)])
def test_what_is_too_short_has_no_size(content: bytes) -> None:
    assert true_sizes(io.BytesIO(content), 0) == {}
