"""The sync expert: a network that tells how well lips and a sound go together, in numpy.

A face in five consecutive frames and 200 ms of sound become a vector each; their cosine is high
where both belong to one moment.  It was the judge in the training of the shipped generator: it
compares ways to paste a mouth fairly, and flatters whatever that generator makes.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors import SafetensorError
from safetensors.numpy import load

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.face.box import CROP, HALF
from lipsyncd.media.mel import BANDS, WINDOW
from lipsyncd.model.weights import EXPERT, HINTS, Report, WeightsFile, proven

FRAMES = 5  # that it sees at once
BATCH = 8
EPSILON = 1e-5  # of a batch normalisation, as PyTorch has it

# Of each convolution its stride and its padding; those of the same number of channels are residual.
Layers = list[tuple[tuple[int, int], int]]
SAME = ((1, 1), 1)
FACE: Layers = [
    *(((1, 1), 3), ((1, 2), 1), SAME, SAME),
    *(((2, 2), 1), SAME, SAME),
    *(((2, 2), 1), SAME, SAME),
    *(((2, 2), 1), SAME),
    *(((2, 2), 1), ((1, 1), 0), ((1, 1), 0)),
]
AUDIO: Layers = [
    *(SAME, SAME, SAME),
    *(((3, 1), 1), SAME, SAME),
    *(((3, 3), 1), SAME, SAME),
    *(((3, 2), 1), SAME),
    *(((1, 1), 0), ((1, 1), 0)),
]
State = dict[str, np.ndarray]


class Expert:
    """Its two encoders; for any number of threads."""

    def __init__(self, file: WeightsFile) -> None:
        """Raises CheckpointInvalid."""
        try:
            state = {name: value.astype(np.float32) for name, value in load(file.content).items()}
            self._face = Encoder(state, "face", "fp", FACE)
            self._audio = Encoder(state, "audio", "ap", AUDIO)
            self.of_faces(np.zeros((FRAMES, CROP, CROP, 3), np.uint8))
            self.of_sounds(np.zeros((1, BANDS, WINDOW), np.float32))
        except (SafetensorError, KeyError, ValueError) as error:
            words = f"{file.path} is not the sync expert."
            raise CheckpointInvalid(words, HINTS[EXPERT]) from error

    def of_faces(self, crops: np.ndarray) -> np.ndarray:
        """(n - 4, 256) of length 1: of each five consecutive crops, (n, 96, 96, 3) uint8 BGR at 25
        frames a second, framed as the generator's."""
        halves = crops[:, HALF:, :, ::-1] / np.float32(255)
        fives = sliding_window_view(halves, FRAMES, axis=0).transpose(0, 1, 2, 4, 3)
        return self._face.vectors(fives.reshape(len(fives), HALF, CROP, 3 * FRAMES))

    def of_sounds(self, windows: np.ndarray) -> np.ndarray:
        """(n, 256) of length 1, of windows of the mel, (n, 80, 16)."""
        return self._audio.vectors(windows[..., None])


class Encoder:
    """Convolutions, each with its normalisation folded in, and a linear layer."""

    def __init__(self, state: State, name: str, last: str, layers: Layers) -> None:
        """Raises KeyError."""
        self._layers = layers
        blocks = (f"{name}.{number}.conv_block" for number in range(len(layers)))
        self._weights = [folded(state, block) for block in blocks]
        self._linear = state[f"{last}.weight"], state[f"{last}.bias"]

    def vectors(self, values: np.ndarray) -> np.ndarray:
        """(n, 256) of length 1, of (n, rows, columns, channels)."""
        made = np.concatenate([self._vectors(part) for part in batches(values)])
        return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)

    def _vectors(self, values: np.ndarray) -> np.ndarray:
        for (weight, bias), (stride, padding) in zip(self._weights, self._layers, strict=True):
            made = convolved(values, weight, stride, padding) + bias
            is_residual = (stride, padding) == SAME and made.shape == values.shape
            values = np.maximum(made + values if is_residual else made, 0)
        weight, bias = self._linear
        return values.mean(axis=(1, 2)) @ weight.T + bias


def folded(state: State, block: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight (height, width, k, m) and bias (m,) of a convolution and its normalisation."""
    gain = state[f"{block}.1.weight"] / np.sqrt(state[f"{block}.1.running_var"] + EPSILON)
    bias = (state[f"{block}.0.bias"] - state[f"{block}.1.running_mean"]) * gain
    bias += state[f"{block}.1.bias"]
    return state[f"{block}.0.weight"].transpose(2, 3, 1, 0) * gain, bias


def convolved(
    values: np.ndarray, weight: np.ndarray, stride: tuple[int, int], padding: int
) -> np.ndarray:
    """(n, rows, columns, m) of (n, rows, columns, k) and (height, width, k, m)."""
    sides = (padding, padding)
    padded = np.pad(values, ((0, 0), sides, sides, (0, 0)))
    windows = sliding_window_view(padded, weight.shape[:2], axis=(1, 2))
    windows = windows[:, :: stride[0], :: stride[1]]
    return np.tensordot(windows, weight, axes=((4, 5, 3), (0, 1, 2)))


def batches(values: np.ndarray) -> Iterator[np.ndarray]:
    """A few at a time: each takes some MB."""
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def load_expert(path: Path, report: Report) -> WeightsFile:
    """A sync expert's file, of which one was made.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    return proven(path, EXPERT, Expert, report)
