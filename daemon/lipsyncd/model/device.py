"""A device: where the generator lives, chosen by what the operator demands and by what is there."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lipsyncd.errors import DeviceLost, DeviceUnavailable

# How messages of a broken CUDA context begin; such a context stays broken until the process ends.
FAULTS = (
    "CUDA error",
    "cuDNN error",
    "CUDNN_STATUS",
    "CUBLAS_STATUS",
    "NVRTC",
    "device-side assert",
)


def device_of(demand: str) -> torch.device:
    """The device for "auto", "cpu", "cuda" or "cuda:N".

    Raises DeviceUnavailable: only "auto" may fall to the CPU.
    """
    if demand == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(demand)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceUnavailable(
            f'The configuration asks for "{demand}", but no such GPU can be used.',
            'Check `nvidia-smi` and the driver, or set device = "cpu".',
        )
    return device


def precision_of(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.float32


@contextmanager
def device_faults(device: torch.device) -> Iterator[None]:
    """Raise DeviceLost for an error that only a new process cures; out of memory is none."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        if device.type != "cuda" or not any(fault in str(error) for fault in FAULTS):
            raise
        reason = str(error).split("\n")[0]
        raise DeviceLost(
            f"The device {device} failed: {reason}.", "See `dmesg` for the driver's report (Xid)."
        ) from error


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
    """What `info` says of the device."""
    if device.type != "cuda":
        return {"device": "cpu", "threads": torch.get_num_threads()}
    properties = torch.cuda.get_device_properties(device)
    return {
        "device": str(device),
        "device_name": properties.name,
        "device_uuid": str(properties.uuid),
        "device_bytes": torch.cuda.memory_allocated(device),
        "device_total_bytes": properties.total_memory,
    }
