"""An error of the disk is told apart from damage of the weights, and both from what is no file."""

import errno
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.checkpoints import DETECTOR, FORMS, random_generator, write_safetensors
from support.measure import measured

from lipsyncd.errors import (
    CheckpointInvalid,
    CheckpointMissing,
    DiskFailed,
    HostExhausted,
    LipsyncError,
)
from lipsyncd.model import weights
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.detector import load_detector
from lipsyncd.model.layouts import PUBLISHED

MIB = 1 << 20
MOST_MIB = 64  # that a refusal may take, whatever a file states
FAULTS: dict[int, type[LipsyncError]] = {
    errno.EIO: DiskFailed,
    errno.ESTALE: DiskFailed,
    errno.EMFILE: HostExhausted,
    errno.ENOMEM: HostExhausted,
}

Load = Callable[[Path, weights.Report], Any]
every_file = pytest.mark.parametrize("load", [load_checkpoint, load_detector])


class Failing:
    """A file whose reads come to an end, or to an error, after so many bytes."""

    def __init__(self, descriptor: int, after: int, error: OSError | None) -> None:
        self._file = io.FileIO(descriptor, closefd=False)
        self._left = after
        self._error = error

    def __enter__(self) -> "Failing":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int) -> bytes:
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        if not piece and self._error:
            raise self._error
        return piece


def fail(number: int) -> Callable[..., None]:
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return failing


def failing_reads(
    monkeypatch: pytest.MonkeyPatch, after: int, error: OSError | None, *, from_reading: int = 1
) -> None:
    """Of the file's readings, that one and the later ones."""
    readings = iter(range(1, 99))

    def opened(descriptor: int, *how: object, **more: object) -> Any:
        if next(readings) < from_reading:
            return open(descriptor, *how, **more)
        return Failing(descriptor, after, error)

    monkeypatch.setattr(weights, "open", opened, raising=False)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody writes to it."""
    return write_safetensors(tmp_path_factory.mktemp("good") / "weights", random_generator())


def quiet(_: str) -> None: ...


# What is no file


@every_file
def test_what_is_no_file_is_missing_and_not_waited_for(tmp_path: Path, load: Load) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("pipe", "folder", "nowhere", "file/below"):
        with pytest.raises(CheckpointMissing, match=name):
            load(tmp_path / name, quiet)


@every_file
def test_a_file_that_may_not_be_read_is_no_missing_one(good: Path, load: Load) -> None:
    refused = pytest.raises(CheckpointInvalid, match="Permission denied")
    with refused, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", fail(errno.EACCES))
        load(good, quiet)


def test_a_file_larger_than_any_weights_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "disk.img").open("wb") as file:
        file.truncate(1 << 40)
    with measured() as cost, pytest.raises(CheckpointInvalid, match="more than any checkpoint"):
        load_checkpoint(tmp_path / "disk.img", quiet)
    assert cost.mib < 16


# What a disk does not give


@every_file
@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize("call", ["open", "fstat"])
def test_what_the_disk_refuses_to_open_is_the_disks(
    good: Path, load: Load, call: str, number: int
) -> None:
    words = os.strerror(number)
    with pytest.raises(FAULTS[number], match=words), pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, fail(number))
        load(good, quiet)


@every_file
@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize("after", [0, 1000])
def test_what_the_disk_refuses_to_read_is_the_disks(
    monkeypatch: pytest.MonkeyPatch, load: Load, number: int, after: int
) -> None:
    failing_reads(monkeypatch, after, OSError(number, os.strerror(number)))
    with pytest.raises(FAULTS[number], match=os.strerror(number)):
        load(DETECTOR, quiet)


@every_file
def test_a_file_of_which_a_byte_is_missing_is_not_judged(
    monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    size = DETECTOR.stat().st_size
    failing_reads(monkeypatch, size - 1, None)
    with pytest.raises(DiskFailed, match=f"gave {size - 1} of its {size} bytes"):
        load(DETECTOR, quiet)


@every_file
def test_damage_is_believed_only_if_it_is_read_twice(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"damaged")
    with pytest.raises(CheckpointInvalid):
        load(path, quiet)
    with pytest.raises(DiskFailed, match="not the same when it was read again"):
        load(path, lambda _: path.write_bytes(b"changed"))  # after the first reading


@every_file
def test_damage_is_not_believed_if_it_cannot_be_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    (tmp_path / "weights").write_bytes(b"damaged")
    failing_reads(monkeypatch, 0, OSError(errno.EIO, "Input/output error"), from_reading=2)
    with pytest.raises(DiskFailed, match="Input/output error"):
        load(tmp_path / "weights", quiet)


def test_no_memory_is_no_damage(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(_: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr("safetensors.torch.load", short)
    with pytest.raises(HostExhausted):
        load_checkpoint(good, quiet)


# What a file states beyond what it holds


def refused(path: Path) -> str:
    with measured() as cost, pytest.raises(CheckpointInvalid) as caught:
        load_checkpoint(path, quiet)
    assert cost.mib < MOST_MIB
    return caught.value.message


@pytest.mark.parametrize("shape", [[16384, 0], [16384, 1, 1, 1], [], [0], [7, 1, 1, 1]])
def test_shapes_are_held_against_the_layout_before_there_is_room_made_for_them(
    tmp_path: Path, shape: list[int]
) -> None:
    state = random_generator().state_dict() | {PUBLISHED.widest: torch.zeros(shape)}
    torch.save(state, tmp_path / "weights")
    assert f"a layer of shape {shape}" in refused(tmp_path / "weights")


def test_a_tensor_that_is_larger_than_its_numbers_is_refused(tmp_path: Path) -> None:
    """A single number, seen from all of a shape."""
    state = random_generator().state_dict()
    state |= {PUBLISHED.widest: torch.zeros(1).expand(1024, 512, 3, 300)}
    torch.save(state, tmp_path / "weights")
    assert "states" in refused(tmp_path / "weights")


@pytest.mark.parametrize("form", ["zip pickle", "TorchScript archive"])
def test_an_archive_that_unpacks_to_more_than_itself_is_not_unpacked(
    tmp_path: Path, form: str
) -> None:
    path = FORMS[form](tmp_path / "weights", random_generator())
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr(f"{old.namelist()[0].split('/')[0]}/data/9999", bytes(2 * MOST_MIB * MIB))
    path.write_bytes(packed.getvalue())
    assert "and unpacks to" in refused(path)


def test_a_pickle_that_states_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    """PyTorch would make room for all of it."""
    path = FORMS["legacy pickle"](tmp_path / "weights", random_generator())
    content = path.read_bytes()
    assert content.count(b"M@\x02") > 1  # 576 numbers
    path.write_bytes(content.replace(b"M@\x02", b"J\x00\x00\x00\x40"))
    assert "it states" in refused(path)


def test_loading_takes_no_more_memory_than_the_file_beside_the_weights(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "weights", random_generator(0.5))
    size = path.stat().st_size >> 20
    load_checkpoint(path, quiet)
    with measured() as cost:
        checkpoint = load_checkpoint(path, quiet)
    held = sum(weights.nbytes for weights in checkpoint.generator.state_dict().values()) >> 20
    print(f"\n  {size} MiB: {cost.mib} MiB at most, {held} MiB in the end")
    assert cost.mib < 3.2 * size
