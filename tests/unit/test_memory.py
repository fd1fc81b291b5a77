"""What fails for want of memory is told apart from what is damaged, whichever library says it."""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.media import bombs

from lipsyncd.errors import JobMemoryFull
from lipsyncd.media.limits import ALLOCATION, SIDE
from lipsyncd.media.memory import memory_named, refuse_lack
from lipsyncd.media.source import examine_source

MIB = 1 << 20


@contextmanager
def bounded(more: int) -> Iterator[None]:
    """This process may have so many bytes more than it has."""
    status = Path("/proc/self/status").read_text()
    now = int(status.partition("VmData:")[2].split()[0]) << 10
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (now + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_a_picture_for_which_there_is_no_memory_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(bombs.png(SIDE, SIDE, rows=SIDE))
    with bounded(64 * MIB), pytest.raises(JobMemoryFull, match=r"may ask for \d+\.\d GiB") as full:
        examine_source(tmp_path / "face", "The face")
    assert "has used" in full.value.message
    assert "max_render_memory_bytes" in full.value.hint
    assert examine_source(tmp_path / "face", "The face").width == SIDE


def test_what_is_larger_than_anything_may_be_is_the_files_fault_while_there_is_memory() -> None:
    with pytest.raises(av.FFmpegError) as refused:
        av.VideoFrame(10_000, 10_000, "rgba64le")
    with bounded(3 * ALLOCATION):
        refuse_lack(refused.value)
    with bounded(ALLOCATION), pytest.raises(JobMemoryFull):
        refuse_lack(refused.value)


def test_damage_is_damage_however_little_memory_there_is() -> None:
    with bounded(ALLOCATION):
        refuse_lack(av.error.InvalidDataError(1, "Invalid data found when processing input"))


ACTS: dict[str, Callable[[], object]] = {
    "Python": lambda: bytearray(256 * MIB),
    "numpy": lambda: np.ones(256 * MIB, np.uint8),
    "OpenCV": lambda: cv2.resize(np.zeros((8, 8), np.uint8), (1 << 14, 1 << 14)),
    "libav": lambda: av.VideoFrame(8192, 8192, "rgba"),
    "a thread": lambda: begin_thread(64 * MIB),
}


def begin_thread(stack: int) -> None:
    before = threading.stack_size(stack)
    try:
        threading.Thread(target=print).start()
    finally:
        threading.stack_size(before)


@pytest.mark.parametrize("what", ACTS)
def test_each_library_has_its_own_word_for_it(what: str) -> None:
    with bounded(4 * MIB), pytest.raises(JobMemoryFull), memory_named():
        ACTS[what]()


def test_other_errors_keep_their_names() -> None:
    with pytest.raises(ValueError, match="other"), memory_named():
        raise ValueError("other")
