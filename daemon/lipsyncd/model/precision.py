"""Precision: the numbers that the generator computes with, and how far they may be off."""

from pathlib import Path

import torch

from lipsyncd.errors import DeviceUnavailable

AUTOMATIC = {"cpu": torch.float32, "cuda": torch.float16}  # by kind of device
CHOSEN = {"fp32": torch.float32, "bf16": torch.bfloat16}
# How far a mouth may be from the golden one, of 255: float16 was seen within 0.4, float32 in 1e-4,
# bfloat16 within 1.7, and 0.25 on the mean.
TOLERANCE = {torch.float16: 3.0, torch.float32: 0.05, torch.bfloat16: 4.0}
# What a processor says that computes with bfloat16 by itself: others take longer than for float32.
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}


def precision_of(device: torch.device, chosen: str = "auto") -> torch.dtype:
    """The configured precision; "auto" means the one that suits a kind of device.

    Raises DeviceUnavailable for one that the processor does not have.
    """
    precision = CHOSEN.get(chosen, AUTOMATIC[device.type])
    if precision is torch.bfloat16 and device.type == "cpu" and not has_bfloat16():
        raise DeviceUnavailable(
            'The configuration asks for precision = "bf16", which this processor does not have '
            "(AVX512_BF16, AMX or Arm's BF16).",
            'Set precision = "auto".',
        )
    return precision


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor computes with bfloat16 by itself."""
    return not BFLOAT16.isdisjoint(cpuinfo.read_text().split())


def name_of(precision: torch.dtype) -> str:
    """As `info` says it."""
    return str(precision).removeprefix("torch.")
