"""A device: where the generator lives, chosen by what the operator demands and what is there."""

import torch

from lipsyncd.errors import DeviceUnavailable


def device_of(demand: str) -> torch.device:
    """The device for "auto", "cpu", "cuda" or "cuda:N".  Raises DeviceUnavailable; never falls back
    from a GPU that was asked for."""
    if demand == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(demand)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceUnavailable(
            f'The configuration asks for "{demand}", but no such GPU can be used.',
            'Check `nvidia-smi` and the driver, or set device = "cpu".',
        )
    return device


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


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
