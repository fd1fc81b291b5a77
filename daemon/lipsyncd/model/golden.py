"""The golden output: what a checkpoint makes of a fixed input in float32 on the CPU.

Every pass that proves something (the warm-up, the warm pass while idle) is held against it.  It is
kept in a cache under the checkpoint's hash, because making it takes longer than a start should.
"""

import hashlib
import io
import logging
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from lipsyncd.media.mel import BANDS, WINDOW
from lipsyncd.model.checkpoint import Checkpoint

log = logging.getLogger(__name__)

COUNT = 2  # crops in the input: a small batch is enough of a proof
COARSE = 6  # pixels: the made-up faces are smooth, as faces are
MOST_BYTES = 4 << 20  # of a cache file; the largest has half of that
DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Golden:
    """Crops (2, side, side, 3) uint8, windows (2, 80, 16) float32, mouths (2, side, side, 3)
    float32."""

    crops: np.ndarray
    windows: np.ndarray
    mouths: np.ndarray


def golden_of(checkpoint: Checkpoint, cache: Path, report: Callable[[str], None]) -> Golden:
    """The golden output from the cache folder, or made and put there.

    Whatever is wrong with the cache costs only the time to make it.
    """
    crops, windows = golden_input(checkpoint.conventions.side)
    path = cache / f"golden-{checkpoint.sha256}.npy"
    mouths, trouble = read(path, crops.shape)
    if mouths is None:
        report(f"computing the golden output of {checkpoint.path.name}")
        mouths = golden_mouths(checkpoint, crops, windows)
        trouble = write(path, mouths) or trouble
    if trouble:
        log.warning("golden: the cache %s cannot be used: %s", path, trouble.strerror)
    return Golden(crops, windows, mouths)


def golden_input(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The same made-up crops and windows every time."""
    random = np.random.default_rng(96)
    coarse = random.integers(0, 256, (COUNT, COARSE, COARSE, 3), dtype=np.uint8)
    crops = np.stack([cv2.resize(crop, (side, side)) for crop in coarse])
    return crops, random.uniform(-4, 4, (COUNT, BANDS, WINDOW)).astype(np.float32)


@torch.inference_mode()
def golden_mouths(checkpoint: Checkpoint, crops: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The generator itself, straight: no folding of shapes, no half precision, no other device."""
    faces = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    masked = faces.clone()
    masked[:, :, checkpoint.conventions.side // 2 :] = 0
    heard = torch.from_numpy(windows).unsqueeze(1)
    made = checkpoint.generator(heard, torch.cat((masked, faces), dim=1))
    return (made * 255).permute(0, 2, 3, 1).contiguous().numpy()


def read(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray | None, OSError | None]:
    """The mouths in a cache file, or None if none can be believed there, and perhaps why."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, error
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return (unpacked(file.read(MOST_BYTES), shape) if is_ours(descriptor) else None), None
    except OSError as error:
        return None, error
    finally:
        os.close(descriptor)


def is_ours(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def write(path: Path, mouths: np.ndarray) -> OSError | None:
    """Keep the mouths, whole or not at all; or why they cannot be kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".golden-", delete=False) as part:
            try:
                part.write(packed(mouths))
                part.flush()
                os.replace(part.name, path)
            except OSError:
                os.unlink(part.name)
                raise
    except OSError as error:
        return error
    return None


def packed(mouths: np.ndarray) -> bytes:
    """As numpy writes them, and the hash of that."""
    file = io.BytesIO()
    np.save(file, mouths)
    return file.getvalue() + hashlib.sha256(file.getvalue()).digest()


def unpacked(content: bytes, shape: tuple[int, ...]) -> np.ndarray | None:
    """What was packed; None if it was anything else."""
    array, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(array).digest() != digest:
        return None
    try:
        mouths = np.load(io.BytesIO(array), allow_pickle=False)
    except (ValueError, EOFError):
        return None
    fits = mouths.shape == shape and mouths.dtype == np.float32
    return mouths if fits and np.isfinite(mouths).all() else None
