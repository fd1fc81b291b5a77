"""A device that is lost is told from memory that ran out, and from errors of our own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from made import models_of, random_generator, write_safetensors

from lipsyncd.errors import DeviceLost, DeviceMemoryFull
from lipsyncd.model.device import device_faults
from lipsyncd.model.residency import Models

CUDA = torch.device("cuda:0")  # only its name is used: no GPU is needed to tell errors apart
CROPS = np.full((4, 96, 96, 3), 90, np.uint8)
WINDOWS = np.zeros((4, 80, 16), np.float32)


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be ...",
        "CUDA error: uncorrectable ECC error encountered",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    ],
)
def test_a_broken_context_is_a_lost_device(message: str) -> None:
    with pytest.raises(DeviceLost, match="cuda:0 failed: (CUDA|cuDNN) error"), device_faults(CUDA):
        raise RuntimeError(message)


def test_memory_that_ran_out_is_no_lost_device() -> None:
    with pytest.raises(torch.OutOfMemoryError), device_faults(CUDA):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_a_mistake_of_ours_is_no_lost_device() -> None:
    with pytest.raises(RuntimeError, match="shape"), device_faults(CUDA):
        raise RuntimeError("shape '[3]' is invalid for input of size 4")


class Cramped(Models):
    """A device on which only so many crops fit at once."""

    room = 4

    def _pass(self, inputs: Sequence[np.ndarray], lower: bool, batch: int) -> np.ndarray:
        if batch > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super()._pass(inputs, lower, batch)


@pytest.fixture
def cramped(tmp_path: Path) -> Cramped:
    models = models_of(write_safetensors(tmp_path / "random.safetensors", random_generator()))
    models.__class__ = Cramped
    return models


def test_without_memory_for_a_batch_the_job_goes_on_with_half(cramped: Cramped) -> None:
    whole = cramped.mouths(CROPS, WINDOWS, lower=True)
    cramped.room = 1
    np.testing.assert_allclose(cramped.mouths(CROPS, WINDOWS, lower=True), whole, atol=0.01)
    assert cramped.batch == 1, "what fits is remembered"


def test_without_memory_for_one_crop_the_job_fails_by_name(cramped: Cramped) -> None:
    cramped.room = 0
    with pytest.raises(DeviceMemoryFull, match="Not even one crop"):
        cramped.mouths(CROPS, WINDOWS, lower=True)
