"""The GPU that these tests are about.  Where there is none they skip and say why."""

import os

import pytest
import torch

from lipsyncd.model.device import device_of


def why_not() -> str:
    """Why no GPU can be used here; empty if one can."""
    if not torch.cuda.is_available():
        return "PyTorch finds no CUDA GPU here"
    choice = device_of("auto")
    return choice.fallback if choice.device.type == "cpu" else ""


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    """The GPU that `auto` takes."""
    if reason := why_not():
        if os.environ.get("LIPSYNCD_GPU") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return device_of("auto").device
