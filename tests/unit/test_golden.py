"""The golden output is made once for a checkpoint, and never believed when it cannot be true."""

from pathlib import Path

import numpy as np
import pytest
from made import random_generator, write_safetensors

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


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    file = tmp_path / "in the way"
    file.touch()
    assert golden_of(checkpoint, file / "cache", lambda _: None).mouths.shape == (2, 96, 96, 3)
