"""Residency: the generator on its device, from load to exit.  Numpy in, numpy out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lipsyncd.errors import WarmUpFailed
from lipsyncd.model.checkpoint import Checkpoint, Conventions, load_checkpoint
from lipsyncd.model.detector import Detector
from lipsyncd.model.device import description_of, device_of, synchronize
from lipsyncd.model.generator import BANDS, CROP, WINDOW


class Models:
    """The resident generator, and detectors by the render.

    Every pass has the same shape, so a mouth never depends on how many others there are.
    """

    def __init__(
        self, checkpoint: Checkpoint, detector: Path, device: torch.device, batch: int
    ) -> None:
        self._checkpoint = checkpoint
        self._detector = detector
        self._device = device
        self._dtype = torch.float16 if device.type == "cuda" else torch.float32
        self._generator = checkpoint.generator.to(
            device, self._dtype, memory_format=torch.channels_last
        )
        self.batch = batch
        self.conventions: Conventions = checkpoint.conventions

    @torch.inference_mode()
    def mouths(self, crops: np.ndarray, windows: np.ndarray, lower: bool) -> np.ndarray:
        """The mouth of each crop as it hears its window, or the lower half of it.

        Crops (n, 96, 96, 3) uint8 BGR, windows (n, 80, 16) float32 in [-4, 4], n up to `batch`;
        mouths (n, 96, 96, 3) float32 BGR in 0..255, or with `lower` (n, 48, 96, 3).
        """
        count = len(crops)
        faces = self._tensor(padded(crops, self.batch)).permute(0, 3, 1, 2) / 255
        masked = faces.clone(memory_format=torch.preserve_format)
        masked[:, :, CROP // 2 :] = 0
        heard = self._tensor(padded(windows, self.batch)).unsqueeze(1)
        mouths = self._generator(heard, torch.cat((masked, faces), dim=1), lower)
        return (mouths[:count] * 255).permute(0, 2, 3, 1).float().contiguous().cpu().numpy()

    def new_detector(self) -> Detector:
        """A face detector for one render (it is small, and no two threads may share one)."""
        return Detector(self._detector)

    def check(self) -> None:
        """A pass at each serving shape, waited for.  Raises WarmUpFailed if it makes no picture."""
        crops = np.full((self.batch, CROP, CROP, 3), 128, np.uint8)
        windows = np.full((self.batch, BANDS, WINDOW), -4, np.float32)
        made = [self.mouths(crops, windows, lower) for lower in (True, False)]
        synchronize(self._device)
        if not all(np.isfinite(mouths).all() for mouths in made):
            raise WarmUpFailed(
                f"{self._checkpoint.path} makes no picture but numbers out of range.",
                "Use another checkpoint.",
            )

    def describe(self) -> dict[str, object]:
        """What `info` says of the models."""
        return {
            **description_of(self._device),
            "precision": str(self._dtype).removeprefix("torch."),
            "checkpoint": self._checkpoint.path.name,
            "checkpoint_sha256": self._checkpoint.sha256,
            "checkpoint_width": self._checkpoint.width,
            "batch": self.batch,
        }

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device).to(self._dtype)


def padded(values: np.ndarray, count: int) -> np.ndarray:
    """The values along the first axis, zeros behind them up to `count`."""
    if len(values) == count:
        return values
    rest = np.zeros((count - len(values), *values.shape[1:]), values.dtype)
    return np.concatenate([values, rest])


def load_models(
    checkpoint: Path, detector: Path, device: str, batch: int, report: Callable[[str], None]
) -> Models:
    """Put a checkpoint on its device.  `report` is told what is being done.

    Raises DeviceUnavailable, CheckpointMissing, CheckpointInvalid.
    """
    chosen = device_of(device)
    report(f"loading {checkpoint.name} onto {chosen}")
    return Models(load_checkpoint(checkpoint), detector, chosen, batch)
