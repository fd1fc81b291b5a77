"""Residency: the generator on its device, from load to exit.  Numpy in, numpy out."""

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lipsyncd.errors import DeviceLost, DeviceMemoryFull, WarmUpFailed
from lipsyncd.model.batch import Batch, batch_of, padded
from lipsyncd.model.batcher import Batcher, Kind
from lipsyncd.model.checkpoint import Checkpoint, load_checkpoint
from lipsyncd.model.conventions import Conventions
from lipsyncd.model.device import (
    FREE_MEMORY,
    description_of,
    device_faults,
    device_of,
    keep_in_memory,
    memory_of,
    recover,
)
from lipsyncd.model.generator import Generator
from lipsyncd.model.golden import Golden, golden_of
from lipsyncd.model.looks import Looks, Seen
from lipsyncd.model.passes import Passes
from lipsyncd.model.precision import TOLERANCE, name_of, precision_of
from lipsyncd.system.catalog import GPU_OOM, emit

SAMPLED = 997  # every so many-th weight goes into the checksum


class Models:
    """The generator of one checkpoint, resident, in the precision that suits its device or another.

    Jobs that want mouths at the same time share passes.  Every pass of a job has the same shape,
    so a mouth never depends on its neighbours.  One thread makes them all: cuDNN's choices for
    each shape, made when it is first met, are a thread's own.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        golden: Golden,
        device: torch.device,
        batch: int,
        *,
        precision: torch.dtype | None = None,
        fallback: str = "",
    ) -> None:
        """`fallback` says why it is this device.  Raises DeviceLost, DeviceMemoryFull."""
        self._checkpoint, self._golden = checkpoint, golden
        self._device, self._fallback = device, fallback
        self._dtype = precision or precision_of(device)
        with device_faults(device):
            place: Any = checkpoint.generator.to  # whose memory_format torch's stubs leave out
            self._generator: Generator = place(
                device, self._dtype, memory_format=torch.channels_last
            )
        self._locked_bytes = keep_in_memory(self._generator)
        self._batch = Batch(batch)
        self._is_cramped = False  # the last warm pass found no memory
        self.passes = Passes()
        self._thread = ThreadPoolExecutor(1, "device")
        self._batcher = Batcher(self._in_thread, lambda: self.batch)
        self._looks = Looks(self._look)
        self.conventions: Conventions = checkpoint.conventions
        # what its mouths depend on to the last bit
        self.fingerprint = f"{checkpoint.sha256} {device.type} {self._dtype}"

    @property
    def batch(self) -> int:
        """How many rows a pass for jobs has."""
        return self._batch.size

    def mouths(
        self,
        crops: np.ndarray,
        windows: np.ndarray,
        lower: bool,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        """The mouth of each crop as it hears its window, or the lower half of it.

        Crops (n, side, side, 3) uint8 BGR, windows (n, 80, 16) float32 in [-4, 4]; references, like
        crops, are the faces to take after, else the crops themselves;
        mouths (n, side, side, 3) float32 BGR in 0..255, or with `lower` (n, side / 2, side, 3).
        Raises DeviceLost, and DeviceMemoryFull if not even one crop fits.
        """
        references = crops if references is None else references
        return self._batcher.mouths((crops, references, windows), lower)

    def prove(self) -> None:
        """The warm pass: a small batch, compared with its golden output, before whatever waits.

        A device without memory for it, in which others have taken that, is not lost.
        Raises DeviceLost.
        """
        try:
            error = self._error(lower=False, urgent=True)
        except DeviceMemoryFull as full:
            if not self._is_cramped:
                emit(GPU_OOM, "device: no memory for a warm pass: %s", full.message)
            self._is_cramped = True
            return
        self._is_cramped = False
        if not error <= TOLERANCE[self._dtype]:
            raise DeviceLost(
                f"The device {self._device} computes wrongly (off by {error:.3g} of 255).",
                "Check the GPU's memory for errors: `nvidia-smi -q -d ECC`.",
            )

    def check(self) -> None:
        """A pass at every shape of serving, against the golden output.

        Raises WarmUpFailed, DeviceLost, DeviceMemoryFull.
        """
        for lower, urgent in ((True, False), (False, False), (False, True)):
            error = self._error(lower, urgent)
            if not error <= TOLERANCE[self._dtype]:
                where = f"{self._device} in {name_of(self._dtype)}"
                raise WarmUpFailed(
                    f"{self._checkpoint.path.name} gives other pictures on {where} than on the CPU "
                    f"in float32 (off by {error:.3g} of 255).",
                    "Use another checkpoint, another device, or another precision.",
                )

    def describe(self) -> dict[str, object]:
        """What `info` says of the models; the checksum is read back from the device.

        Raises DeviceLost, DeviceMemoryFull.
        """
        return {
            **description_of(self._device),
            "fallback": self._fallback,
            "precision": name_of(self._dtype),
            "checkpoint": self._checkpoint.path.name,
            "checkpoint_sha256": self._checkpoint.sha256,
            "checkpoint_width": self._checkpoint.width,
            "checkpoint_crop": self.conventions.side,
            "weights_checksum": self._checksum(),
            "locked_bytes": self._locked_bytes,
            "batch": self.batch,
            "passes": self.passes.as_map(),
        }

    @property
    def memory(self) -> dict[str, object]:
        """What the device's own memory holds, if it has one.  Raises DeviceLost."""
        return memory_of(self._device)

    def _in_thread(self, inputs: Sequence[np.ndarray], kind: Kind, batch: int) -> np.ndarray:
        return self._thread.submit(self._fitting_pass, inputs, kind, batch).result()

    def _fitting_pass(self, inputs: Sequence[np.ndarray], kind: Kind, batch: int) -> np.ndarray:
        """A pass for as many of the inputs as the memory is enough for: mostly all."""
        while True:
            rows, begun = [each[:batch] for each in inputs], time.monotonic()
            try:
                made = self._pass(rows, kind, batch)
            except DeviceMemoryFull as error:
                reason = error.message
            else:
                if not kind.urgent:
                    self._batch.fitted()
                    self.passes.add(len(rows[0]), batch, time.monotonic() - begun)
                return made
            self._looks.forget()
            recover(self._device)  # not above: there the error holds on to the pass's tensors
            batch = self._halved(batch, kind, reason)

    @torch.inference_mode()
    def _pass(self, inputs: Sequence[np.ndarray], kind: Kind, batch: int) -> np.ndarray:
        """One pass at the shape of `batch`, for as many crops, references and windows or fewer."""
        with device_faults(self._device):
            *faces, windows = (padded(each, batch) for each in inputs)
            # what is urgent is a proof, of all layers
            seen = self._look(faces) if kind.urgent else self._looks.at(faces)
            mouths = self._generator.speak(self._tensor(windows).unsqueeze(1), seen, kind.lower)
            made = (mouths[: len(inputs[0])] * 255).permute(0, 2, 3, 1)
            return made.float().contiguous().cpu().numpy()

    def _look(self, faces: Sequence[np.ndarray]) -> Seen:
        masked, references = map(self._tensor, faces)
        masked[:, self.conventions.side // 2 :] = 0
        return self._generator.look(torch.cat((masked, references), 3).permute(0, 3, 1, 2) / 255)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device).to(self._dtype)

    def _error(self, lower: bool, urgent: bool) -> float:
        """The largest difference from the golden output at one shape; nan if it is no number."""
        golden = self._golden
        made = self._batcher.mouths((golden.crops, golden.crops, golden.windows), lower, urgent)
        wanted = golden.mouths[:, self.conventions.side // 2 :] if lower else golden.mouths
        return float(np.abs(made - wanted).max())

    def _halved(self, batch: int, kind: Kind, reason: str) -> int:
        """Half of a pass's size; what it is for jobs is halved, too, if the pass was for them."""
        if batch == 1:
            raise DeviceMemoryFull(f"Not even one crop fits. {reason}", FREE_MEMORY)
        if not kind.urgent:
            self._batch.halve()
            emit(GPU_OOM, "device: out of memory, going on with batches of %d", self.batch)
        return batch // 2

    def _checksum(self) -> str:
        with device_faults(self._device):
            weights = self._generator.parameters()
            sampled = [each.detach().reshape(-1)[::SAMPLED] for each in weights]
            values = torch.cat(sampled).float().cpu().numpy()
        return hashlib.sha256(values.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Wanted:
    """What a device is to hold: `device` as the configuration names it, `batch` 0 for automatic,
    `cache` the folder of golden outputs, `precision` as the configuration names it."""

    device: str
    checkpoint: Path
    batch: int
    cache: Path
    precision: str = "auto"


def load_models(wanted: Wanted, report: Callable[[str], None]) -> Models:
    """Put a checkpoint on its device and check it there; `report` is told what is being done.

    Raises DeviceUnavailable, CheckpointMissing, CheckpointInvalid, StorageError, WarmUpFailed,
    DeviceLost, DeviceMemoryFull.
    """
    report("looking for a device")
    device, fallback = device_of(wanted.device)
    precision = precision_of(device, wanted.precision)
    # every shape is fixed, so cuDNN tries its routines once for each
    torch.backends.cudnn.benchmark = device.type == "cuda"
    checkpoint = load_checkpoint(wanted.checkpoint, report)
    golden = golden_of(checkpoint, wanted.cache, report)
    report(f"moving {checkpoint.path.name} to {device}")
    batch = batch_of(wanted.batch, device.type)
    models = Models(checkpoint, golden, device, batch, precision=precision, fallback=fallback)
    report(f"warming up on {device}")
    models.check()
    return models
