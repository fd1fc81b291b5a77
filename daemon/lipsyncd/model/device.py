"""A device: where the generator lives, chosen by what the operator demands and by what works."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from lipsyncd.errors import DeviceLost, DeviceMemoryFull, DeviceUnavailable
from lipsyncd.model.precision import precision_of

# How messages of a broken CUDA context begin; such a context stays broken until the process ends.
FAULTS = (
    "CUDA error",
    "cuDNN error",
    "CUDNN_STATUS",
    "CUBLAS_STATUS",
    "NVRTC",
    "device-side assert",
)
# What CUDA's libraries say when memory ran out.  A handle that cannot be made for another reason is
# told apart by `recover`, which a broken context does not survive.
SHORTAGES = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",
    "DEVICE_ALLOCATION_FAILED",
)
FREE_MEMORY = "Free memory on the GPU (`nvidia-smi` shows who holds it), then try again."
OUT_OF_MEMORY = 2  # cudaErrorMemoryAllocation
SHAPE = (2, 8, 16, 16)  # of what a device is tried with


class Choice(NamedTuple):
    """A device that works, and why it is not a better one, if it is not."""

    device: torch.device
    fallback: str = ""


def device_of(demand: str) -> Choice:
    """The device for "auto", "cpu", "cuda" or "cuda:N": one that was tried.

    Raises DeviceUnavailable: only "auto" may fall to another GPU or the CPU; DeviceMemoryFull.
    """
    if demand == "auto":
        return first_that_works()
    device = torch.device(demand)
    if device.type == "cpu":
        return Choice(device)
    device = torch.device("cuda", device.index or 0)
    if device.index >= torch.cuda.device_count():
        raise unavailable(demand, "no such GPU can be used")
    try:
        tried(device)
    except DeviceMemoryFull:
        raise
    except Exception as error:
        raise unavailable(demand, f"it cannot be used: {reason_of(error)}") from error
    return Choice(device)


def first_that_works() -> Choice:
    """The first GPU that passes its trial, else the CPU."""
    passed_over = []
    for index in range(torch.cuda.device_count()):
        device = torch.device("cuda", index)
        try:
            tried(device)
        except Exception as error:
            passed_over.append(f"{device} passed over: {reason_of(error)}")
        else:
            return Choice(device, "; ".join(passed_over))
    return Choice(torch.device("cpu"), "; ".join(passed_over) or "no GPU found")


def tried(device: torch.device) -> None:
    """One small operation of the generator's kind, there and back.

    Raises whatever is wrong with the device; DeviceMemoryFull.
    """
    with device_faults(device):
        ones = torch.ones(SHAPE, dtype=precision_of(device), device=device)
        made = torch.nn.functional.conv2d(ones, ones[:, :, :1, :1])
        wrong = (made.cpu() != SHAPE[1]).sum()
    if wrong:
        raise DeviceLost("it computes wrongly", "Check the GPU.")


def unavailable(demand: str, why: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"{demand} is asked for, but {why}.",
        "Check `nvidia-smi` and the driver, or name another: by `devices` in the configuration, by "
        "--device, or by the name of the instance, as lipsyncd@cpu.",
    )


def reason_of(error: Exception) -> str:
    """The first line of what a device or a library says, without its full stop."""
    error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    return str(error).split("\n")[0].removeprefix("CUDA error: ").rstrip(".")


@contextmanager
def device_faults(device: torch.device) -> Iterator[None]:
    """Raise DeviceLost for an error that only a new process cures, DeviceMemoryFull for a shortage.

    Whoever goes on after a shortage calls `recover` first.
    """
    try:
        yield
    except RuntimeError as error:
        if is_shortage(error):
            text = f"The memory of {device} is full: {reason_of(error)}."
            raise DeviceMemoryFull(text, FREE_MEMORY) from error
        if not is_fault(error):
            raise
        reason = str(error).split("\n")[0]
        raise DeviceLost(
            f"The device {device} failed: {reason}.", "See `dmesg` for the driver's report (Xid)."
        ) from error


def is_shortage(error: RuntimeError) -> bool:
    """Whether memory ran out, of which a context does not break."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    code = getattr(error, "error_code", None)  # torch.AcceleratorError has it, since torch 2.8
    if code is not None:
        return code == OUT_OF_MEMORY
    return any(shortage in str(error) for shortage in SHORTAGES)


def is_fault(error: RuntimeError) -> bool:
    """Whether it came from the device and is no mistake of ours."""
    accelerator_error = getattr(torch, "AcceleratorError", ())
    return isinstance(error, accelerator_error) or any(fault in str(error) for fault in FAULTS)


def recover(device: torch.device) -> None:
    """Give back what PyTorch keeps of the device's memory; call it when no tensor is held any more.

    Raises DeviceLost if the context is broken.
    """
    if device.type == "cuda":
        with device_faults(device), torch.cuda.device(device):
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()


def keep_in_memory(module: torch.nn.Module) -> int:
    """Lock the parameters against being swapped out; how many bytes the system let us lock."""
    libc = ctypes.CDLL(None, use_errno=True)
    locked = 0
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.device.type == "cpu":
            size = tensor.untyped_storage().nbytes()
            refused = libc.mlock(ctypes.c_void_p(tensor.data_ptr()), ctypes.c_size_t(size))
            locked += 0 if refused else size
    return locked


def description_of(device: torch.device) -> dict[str, object]:
    """What `info` says of the device.  Raises DeviceLost."""
    if device.type != "cuda":
        return {"device": "cpu", "threads": torch.get_num_threads()}
    with device_faults(device):
        properties = torch.cuda.get_device_properties(device)
        return {
            "device": str(device),
            "device_name": properties.name,
            "device_uuid": str(properties.uuid),
            **memory_of(device),
            "device_total_bytes": properties.total_memory,
        }


def memory_of(device: torch.device) -> dict[str, object]:
    """What is taken of a GPU's memory; nothing of the CPU, which has none.  Raises DeviceLost."""
    if device.type != "cuda":
        return {}
    with device_faults(device):
        return {"device_bytes": torch.cuda.memory_allocated(device)}
