"""The golden output: what a checkpoint makes of a fixed input in float32 on the CPU.

Every pass that proves something (the warm-up, the warm pass while idle) is held against it.  It is
kept in a cache under the checkpoint's hash, because making it takes longer than a start should.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from lipsyncd.face.mask import CROP
from lipsyncd.media.mel import BANDS, WINDOW
from lipsyncd.model.checkpoint import Checkpoint

COUNT = 2  # crops in the input: a small batch is enough of a proof
COARSE = 6  # pixels: the made-up faces are smooth, as faces are


@dataclass(frozen=True)
class Golden:
    """Crops (2, 96, 96, 3) uint8, windows (2, 80, 16) float32, mouths (2, 96, 96, 3) float32."""

    crops: np.ndarray
    windows: np.ndarray
    mouths: np.ndarray


def golden_of(checkpoint: Checkpoint, cache: Path, report: Callable[[str], None]) -> Golden:
    """The golden output from the cache folder, or made and put there."""
    crops, windows = golden_input()
    path = cache / f"golden-{checkpoint.sha256}.npy"
    mouths = read(path)
    if mouths is None:
        report(f"computing the golden output of {checkpoint.path.name}")
        mouths = golden_mouths(checkpoint, crops, windows)
        write(path, mouths)
    return Golden(crops, windows, mouths)


def golden_input() -> tuple[np.ndarray, np.ndarray]:
    """The same made-up crops and windows every time."""
    random = np.random.default_rng(96)
    coarse = random.integers(0, 256, (COUNT, COARSE, COARSE, 3), dtype=np.uint8)
    crops = np.stack([cv2.resize(crop, (CROP, CROP)) for crop in coarse])
    return crops, random.uniform(-4, 4, (COUNT, BANDS, WINDOW)).astype(np.float32)


@torch.inference_mode()
def golden_mouths(checkpoint: Checkpoint, crops: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The generator itself, straight: no folding of shapes, no half precision, no other device."""
    faces = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    masked = faces.clone()
    masked[:, :, CROP // 2 :] = 0
    heard = torch.from_numpy(windows).unsqueeze(1)
    made = checkpoint.generator(heard, torch.cat((masked, faces), dim=1))
    return (made * 255).permute(0, 2, 3, 1).contiguous().numpy()


def read(path: Path) -> np.ndarray | None:
    """The mouths in a cache file; None if there is none, or none that can be true."""
    try:
        mouths = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = mouths.shape == (COUNT, CROP, CROP, 3) and mouths.dtype == np.float32
    return mouths if fits and np.isfinite(mouths).all() else None


def write(path: Path, mouths: np.ndarray) -> None:
    """Keep the mouths; a cache that cannot be written only costs the next start some time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            np.save(part, mouths)
        os.replace(part.name, path)
    except OSError:
        return
