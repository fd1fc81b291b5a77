"""A device is tried before it is taken; one that is lost is told from memory that ran out."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.checkpoints import models_of, random_generator, write_safetensors

from lipsyncd.errors import DeviceLost, DeviceMemoryFull, DeviceUnavailable
from lipsyncd.model import residency
from lipsyncd.model.batch import PASSES, Batch
from lipsyncd.model.device import description_of, device_faults, device_of, tried

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")  # a name: errors are told without a GPU
CROPS = np.full((4, 96, 96, 3), 90, np.uint8)
WINDOWS = np.zeros((4, 80, 16), np.float32)
NO_KERNEL = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel ..."

without_a_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def accelerator_error(code: int, message: str) -> Exception:
    """As PyTorch raises it."""
    error = torch.AcceleratorError(message)
    error.error_code = code
    return error


# Which device


@without_a_gpu
@pytest.mark.parametrize("demand", ["cuda", "cuda:0", "cuda:1"])
def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu(demand: str) -> None:
    with pytest.raises(DeviceUnavailable, match=demand) as caught:
        device_of(demand)
    assert caught.value.hint


def test_a_gpu_that_nobody_has_is_unavailable() -> None:
    with pytest.raises(DeviceUnavailable):
        device_of("cuda:99")


@without_a_gpu
def test_without_a_gpu_auto_is_the_cpu_and_says_why() -> None:
    assert device_of("auto") == (CPU, "no GPU found")
    assert device_of("cpu") == (CPU, "")


def test_a_device_that_works_passes_its_trial() -> None:
    tried(CPU)


def test_a_device_that_computes_wrongly_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    conv2d = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *how: conv2d(*how) + 1)
    with pytest.raises(DeviceLost, match="wrongly"):
        tried(CPU)


@without_a_gpu
def test_a_gpu_on_which_nothing_runs_is_passed_over_and_never_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A GPU that the driver counts and this PyTorch, which is one for the CPU, cannot use."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    device, why = device_of("auto")
    assert device == CPU
    assert why == "cuda:0 passed over: Torch not compiled with CUDA enabled"
    with pytest.raises(DeviceUnavailable, match="cannot be used: Torch not compiled with CUDA"):
        device_of("cuda:0")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Two GPUs, the first of which raises an error where the operation of the trial does."""
    ones = torch.ones

    def broken(error: Exception) -> None:
        def made(*how: Any, device: torch.device, **more: Any) -> torch.Tensor:
            if device.index == 0:
                raise error
            return ones(*how, **more)

        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch, "ones", made)

    return broken


def test_auto_takes_the_first_gpu_that_works_and_says_what_is_wrong_with_others(
    two_gpus: Callable[[Exception], None],
) -> None:
    two_gpus(accelerator_error(209, NO_KERNEL))
    device, why = device_of("auto")
    assert device == torch.device("cuda:1")
    reason = "no kernel image is available for execution on the device"
    assert why == f"cuda:0 passed over: {reason}"
    with pytest.raises(DeviceUnavailable, match=reason):
        device_of("cuda:0")
    assert device_of("cuda:1") == (torch.device("cuda:1"), "")


def test_a_gpu_whose_memory_is_full_is_no_missing_one(
    two_gpus: Callable[[Exception], None],
) -> None:
    two_gpus(torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(DeviceMemoryFull):
        device_of("cuda:0")
    assert device_of("auto").fallback == "cuda:0 passed over: CUDA out of memory"


# Which error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel ..."),
        RuntimeError("CUDA error: uncorrectable ECC error encountered"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        accelerator_error(700, "CUDA error: an illegal memory access was encountered"),
        accelerator_error(719, "unspecified launch failure"),
    ],
)
def test_a_broken_context_is_a_lost_device(error: Exception) -> None:
    with pytest.raises(DeviceLost, match="cuda:0 failed: "), device_faults(CUDA):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        accelerator_error(2, "CUDA error: out of memory"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be ..."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    ],
)
def test_memory_that_ran_out_is_no_lost_device(error: Exception) -> None:
    with pytest.raises(DeviceMemoryFull, match="memory of cuda:0 is full"), device_faults(CUDA):
        raise error


def test_the_code_of_an_error_counts_more_than_its_words() -> None:
    with pytest.raises(DeviceLost), device_faults(CUDA):
        raise accelerator_error(700, "CUDA error: CUDNN_STATUS_NOT_INITIALIZED")


def test_a_mistake_of_ours_is_no_lost_device() -> None:
    with pytest.raises(RuntimeError, match="shape"), device_faults(CUDA):
        raise RuntimeError("shape '[3]' is invalid for input of size 4")


def test_a_device_that_is_lost_or_full_has_a_name_wherever_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While weights are moved and read back, and while the device is described."""
    models = models_of(write_safetensors(tmp_path / "random.safetensors", random_generator()))

    def cat(*_how: Any) -> torch.Tensor:
        raise accelerator_error(2, "CUDA error: out of memory")

    def to(*_how: Any, **_more: Any) -> torch.nn.Module:
        raise accelerator_error(700, "CUDA error: an illegal memory access was encountered")

    with monkeypatch.context() as patch, pytest.raises(DeviceMemoryFull):
        patch.setattr(torch, "cat", cat)
        models.describe()
    with monkeypatch.context() as patch, pytest.raises(DeviceLost):
        patch.setattr(torch.nn.Module, "to", to)
        models_of(tmp_path / "random.safetensors")
    with monkeypatch.context() as patch, pytest.raises(DeviceLost):
        patch.setattr(torch.cuda, "get_device_properties", to)
        description_of(CUDA)


# Too little memory


class Cramped:
    """Models on a device on which only so many crops fit at once."""

    def __init__(self, path: Path, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1000
        self.held: list[int] = []  # how many tensors of failed passes were there at each recovery
        self.models = models_of(path, batch)
        self._windows: list[Any] = []
        self.models._generator.audio_encoder.register_forward_pre_hook(self._refuse)
        monkeypatch.setattr(residency, "recover", self._recover)

    def _refuse(self, _encoder: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(inputs[0]) > self.room:
            self._windows.append(inputs[0].untyped_storage()._weak_ref())
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def _recover(self, device: torch.device) -> None:
        assert device == CPU
        self.held.append(sum(not expired(each) for each in self._windows))

    def mouths(self) -> np.ndarray:
        return self.models.mouths(CROPS, WINDOWS, lower=True)


def expired(storage: int) -> bool:
    return torch.UntypedStorage._expired(storage)


@pytest.fixture
def cramped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cramped:
    path = write_safetensors(tmp_path / "random.safetensors", random_generator())
    return Cramped(path, 4, monkeypatch)


def test_without_memory_for_a_batch_the_job_goes_on_with_half(cramped: Cramped) -> None:
    whole = cramped.mouths()
    cramped.room = 1
    np.testing.assert_allclose(cramped.mouths(), whole, atol=0.01)
    assert cramped.models.batch == 1, "what fits is remembered"


def test_what_failed_for_lack_of_memory_is_let_go_before_memory_is_given_back(
    cramped: Cramped,
) -> None:
    cramped.room = 1
    cramped.mouths()
    assert cramped.held == [0, 0]


def test_without_memory_for_one_crop_the_job_fails_by_name(cramped: Cramped) -> None:
    cramped.room = 0
    with pytest.raises(DeviceMemoryFull, match="Not even one crop"):
        cramped.mouths()


@pytest.mark.parametrize("room", [0, 1])
def test_a_warm_pass_without_memory_is_no_lost_device_and_changes_no_batch(
    cramped: Cramped, room: int
) -> None:
    cramped.room = room
    cramped.models.prove()
    assert cramped.models.batch == 4
    cramped.room = 4
    cramped.models.prove()


def test_a_batch_grows_back_when_passes_have_fit_for_a_while() -> None:
    batch = Batch(6)
    batch.halve()
    batch.halve()
    assert batch.size == 1
    sizes = []
    for _ in range(4 * PASSES):
        batch.fitted()
        sizes.append(batch.size)
    assert [sizes.index(size) + 1 for size in (2, 4, 6)] == [PASSES, 2 * PASSES, 3 * PASSES]
    assert sizes[-1] == 6


def test_passes_for_jobs_let_the_batch_grow_back(
    cramped: Cramped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.model.batch.PASSES", 3)
    cramped.room = 2
    cramped.mouths()
    assert cramped.models.batch == 2
    cramped.room = 4
    for _ in range(3):
        cramped.models.prove()
    assert cramped.models.batch == 2
    cramped.mouths()
    assert cramped.models.batch == 4


def test_one_thread_makes_all_passes(tmp_path: Path) -> None:
    """What cuDNN finds out about a shape is the thread's own."""
    models = models_of(write_safetensors(tmp_path / "random.safetensors", random_generator()))
    seen: set[int] = set()
    models._generator.audio_encoder.register_forward_pre_hook(
        lambda *_: seen.add(threading.get_ident())
    )
    models.check()
    models.prove()
    models.mouths(CROPS, WINDOWS, lower=True)
    assert len(seen) == 1
    assert threading.get_ident() not in seen
