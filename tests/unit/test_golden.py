"""The golden output is made once for a checkpoint, and never believed when it cannot be true."""

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import random_generator, write_safetensors

from lipsyncd.model.checkpoint import Checkpoint, load_checkpoint
from lipsyncd.model.golden import golden_of


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return load_checkpoint(write_safetensors(path, random_generator()), lambda _: None)


def test_the_second_start_takes_it_from_the_cache(checkpoint: Checkpoint, tmp_path: Path) -> None:
    told: list[str] = []
    first = golden_of(checkpoint, tmp_path, told.append)
    assert len(told) == 1
    second = golden_of(checkpoint, tmp_path, told.append)
    assert len(told) == 1
    np.testing.assert_array_equal(first.mouths, second.mouths)


@pytest.mark.parametrize("content", [b"", b"not numpy", b"\x93NUMPY\x01\x00"])
def test_a_damaged_cache_is_made_anew(
    checkpoint: Checkpoint, tmp_path: Path, content: bytes
) -> None:
    true = golden_of(checkpoint, tmp_path, lambda _: None).mouths
    (cached,) = tmp_path.iterdir()
    cached.write_bytes(content)
    np.testing.assert_array_equal(golden_of(checkpoint, tmp_path, lambda _: None).mouths, true)
    assert cached.stat().st_size > len(content)


def test_a_cache_without_numbers_is_made_anew(checkpoint: Checkpoint, tmp_path: Path) -> None:
    true = golden_of(checkpoint, tmp_path, lambda _: None).mouths
    (cached,) = tmp_path.iterdir()
    np.save(cached, np.full_like(true, np.nan))
    np.testing.assert_array_equal(golden_of(checkpoint, tmp_path, lambda _: None).mouths, true)


@pytest.mark.parametrize("place", [0, 1000, 100_000, -1])
def test_a_single_wrong_bit_in_the_cache_is_noticed(
    checkpoint: Checkpoint, tmp_path: Path, place: int
) -> None:
    """Else the device would be blamed for it, at every start."""
    true = golden_of(checkpoint, tmp_path, lambda _: None).mouths
    (cached,) = tmp_path.iterdir()
    content = bytearray(cached.read_bytes())
    content[place] ^= 1
    cached.write_bytes(content)
    np.testing.assert_array_equal(golden_of(checkpoint, tmp_path, lambda _: None).mouths, true)
    assert cached.read_bytes() != content


def test_a_cache_of_an_earlier_version_is_made_anew(checkpoint: Checkpoint, tmp_path: Path) -> None:
    true = golden_of(checkpoint, tmp_path, lambda _: None).mouths
    (cached,) = tmp_path.iterdir()
    np.save(cached, true)
    before = cached.stat().st_size
    golden_of(checkpoint, tmp_path, lambda _: None)
    assert cached.stat().st_size > before


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("put", [a_pipe, a_link_to_a_device])
def test_what_is_no_file_of_ours_is_replaced(
    checkpoint: Checkpoint, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    true = golden_of(checkpoint, tmp_path, lambda _: None).mouths
    (cached,) = tmp_path.iterdir()
    cached.unlink()
    put(cached)
    told: list[str] = []
    for _ in range(2):
        np.testing.assert_array_equal(golden_of(checkpoint, tmp_path, told.append).mouths, true)
    assert len(told) == 1, "the second time it comes from the cache"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_believed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    golden_of(checkpoint, tmp_path, lambda _: None)
    (cached,) = tmp_path.iterdir()
    os.chown(cached, 12345, 12345)
    told: list[str] = []
    golden_of(checkpoint, tmp_path, told.append)
    assert len(told) == 1
    assert cached.stat().st_uid == 0


# A cache that cannot be used


def made_without_a_cache(
    checkpoint: Checkpoint, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It comes out right, and one warning says why it is not kept."""
    caplog.clear()
    told: list[str] = []
    with caplog.at_level(logging.WARNING):
        made = golden_of(checkpoint, cache, told.append).mouths
    assert made.shape == (2, 96, 96, 3)
    assert len(told) == 1
    (record,) = caplog.records
    assert "golden-" in record.getMessage()
    print(f"\n  {record.getMessage()}")


def test_a_file_where_the_cache_should_be(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").touch()
    made_without_a_cache(checkpoint, tmp_path / "in the way" / "cache", caplog)


def test_a_folder_where_the_file_should_be(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / f"golden-{checkpoint.sha256}.npy").mkdir()
    made_without_a_cache(checkpoint, tmp_path, caplog)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_left_as_it_was(
    checkpoint: Checkpoint,
    small_disk: Callable[[int], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = small_disk(64 << 10)
    made_without_a_cache(checkpoint, disk, caplog)
    assert list(disk.iterdir()) == []


@pytest.fixture(params=[errno.EIO, errno.EMFILE, errno.EACCES, errno.EROFS])
def refusing(request: pytest.FixtureRequest) -> Callable[..., None]:
    """What a call does that the disk or the machine refuses."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    return refuse


@pytest.mark.parametrize("call", ["open", "fstat", "replace"])
def test_whatever_the_disk_refuses(
    checkpoint: Checkpoint,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    refusing: Callable[..., None],
    call: str,
) -> None:
    """A file that cannot be read is written anew; what cannot be written leaves nothing."""
    if call != "replace":
        golden_of(checkpoint, tmp_path, lambda _: None)
    before = list(tmp_path.iterdir())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, refusing)
        made_without_a_cache(checkpoint, tmp_path, caplog)
    assert list(tmp_path.iterdir()) == before
