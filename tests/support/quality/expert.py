"""The sync expert: a network that tells how well lips and a voice go together, and its scores.

A face in five consecutive frames and 200 ms of sound become a vector each; their cosine is high
where both belong to one moment.  It was the judge in the training of the shipped generator: it
compares ways to paste a mouth fairly, and flatters whatever that generator makes.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from lipsyncd.face.box import CROP
from lipsyncd.media.mel import TRAINED_RATE, mel_windows, window_starts
from support.paths import ROOT

EXPERT = ROOT / "checkpoints/sync-expert-grid-v0.safetensors"
FRAMES = 5  # that it sees at once
HALF = CROP // 2
FARTHEST = 12  # frames
OFFSETS = np.arange(-FARTHEST, FARTHEST + 1)  # by which the sound is taken later
BATCH = 32


class Block(nn.Module):
    """A convolution, its normalisation, and for residual ones the input added."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int = 3,
        stride: int | tuple[int, int] = 1,
        padding: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        convolution = nn.Conv2d(*channels, kernel, stride, padding)
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(channels[1]))
        self._residual = residual

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        made = self.conv_block(values)
        return torch.relu(made + values if self._residual else made)


def residual(channels: int, count: int) -> list[Block]:
    return [Block((channels, channels), residual=True) for _ in range(count)]


class Expert(nn.Module):
    """The encoders of a face and of a sound, by the parameter names of its file."""

    def __init__(self) -> None:
        super().__init__()
        self.face = nn.Sequential(
            Block((3 * FRAMES, 16), kernel=7, padding=3),
            *(Block((16, 32), kernel=5, stride=(1, 2)), *residual(32, 2)),
            *(Block((32, 64), stride=2), *residual(64, 2)),
            *(Block((64, 128), stride=2), *residual(128, 2)),
            *(Block((128, 256), stride=2), *residual(256, 1)),
            Block((256, 256), stride=2),
            Block((256, 256), padding=0),
            Block((256, 256), kernel=1, padding=0),
        )
        self.audio = nn.Sequential(
            *(Block((1, 16)), *residual(16, 2)),
            *(Block((16, 32), stride=(3, 1)), *residual(32, 2)),
            *(Block((32, 64), stride=3), *residual(64, 2)),
            *(Block((64, 128), stride=(3, 2)), *residual(128, 1)),
            Block((128, 256), padding=0),
            Block((256, 256), kernel=1, padding=0),
        )
        self.fp = nn.Linear(256, 256)
        self.ap = nn.Linear(256, 256)

    def of_faces(self, faces: torch.Tensor) -> torch.Tensor:
        """(n, 256) of (n, 15, 48, 96): RGB in [0, 1], frame by frame."""
        return nn.functional.normalize(self.fp(self.face(faces).mean((2, 3))), dim=1)

    def of_sounds(self, windows: torch.Tensor) -> torch.Tensor:
        """(n, 256) of (n, 1, 80, 16): windows of the mel."""
        return nn.functional.normalize(self.ap(self.audio(windows).mean((2, 3))), dim=1)


def load_expert(path: Path = EXPERT) -> Expert:
    expert = Expert().eval()
    expert.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return expert


@torch.inference_mode()
def cosines(expert: Expert, crops: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """(n - 4, 25): of each five consecutive crops, and of the sound at each of `OFFSETS`.

    `crops`: (n, 96, 96, 3) uint8 BGR at 25 frames a second, framed as the generator's.  `mel`:
    (80, m); beyond its ends it is silent.
    """
    halves = crops[:, HALF:, :, ::-1].transpose(0, 3, 1, 2) / np.float32(255)
    count = len(crops) - FRAMES + 1
    fives = np.stack([halves[k : k + FRAMES].reshape(-1, HALF, CROP) for k in range(count)])
    heard = windows_around(mel, count)[:, None]
    faces = np.concatenate([expert.of_faces(each) for each in batches(fives)])
    sounds = np.concatenate([expert.of_sounds(each) for each in batches(heard)])
    offset = np.arange(count)[:, None] + (OFFSETS + FARTHEST)
    return np.einsum("kc,koc->ko", faces, sounds[offset])


def windows_around(mel: np.ndarray, count: int) -> np.ndarray:
    """The window that begins with each frame, from `FARTHEST` before the first: (n, 80, 16)."""
    starts = window_starts(Fraction(TRAINED_RATE), range(count + 2 * FARTHEST), -FARTHEST)
    return np.stack(list(mel_windows([mel], starts)))


def batches(values: np.ndarray) -> tuple[torch.Tensor, ...]:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).split(BATCH)
