"""The published layouts of Wav2Lip generators: which one parameters have, and which have another.

A layout is told by the names and the shapes of its parameters, never by the name of a file.
Sources, all read in their own code: Rudrabha/Wav2Lip (96 pixels), lipku/LiveTalking, wav2lip_v2
(256), primepake/wav2lip_288x288, wav2lipv2 (288, with slopes that are learned before December
2023, in all layers or, in wangxian's, in those that enlarge).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.model.weights import CHECKPOINT, HINTS

CHANNELS = range(8, 2 * 512 + 1)  # the published generators have 512; twice as wide takes 580 MB
HEARD = 13  # layers of the audio encoder, in all that are known here
FLAT = 12  # pixels: rows of stages that are smaller are not worth to be left out

Stage = tuple[int, int]  # channels of a stage at width 1, and its residual layers


@dataclass(frozen=True)
class Layout:
    """The face encoder goes from `side` pixels `down`, each stage to half of them, then to one by
    kernels that fill what is left (`ends`); the decoder goes back, and then `up`."""

    side: int
    down: tuple[Stage, ...]
    ends: tuple[int, ...]
    up: tuple[Stage, ...]
    first_kernel: int = 3  # of the first stage down

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The sides of what the encoder's stages give, from `side` to 1."""
        sizes = [self.side]
        for _ in self.down:
            sizes.append((sizes[-1] + 1) // 2)
        for kernel in self.ends:
            sizes.append(sizes[-1] - kernel + 1)
        return tuple(sizes)

    @cached_property
    def lower_rows(self) -> tuple[int, ...]:
        """The row from which each decoder stage, and then the output block, must be given its
        input so that the lower half of the mouth comes out as it does from the whole: two rows of
        margin for a stage's two 3x3 convolutions, one for the output's, halved at each step down in
        size."""
        rows = [self.side // 2 - 1]
        for size in self.sizes[1:]:
            rows.append((rows[-1] - 2) // 2 if size >= FLAT else 0)
        return (0, *reversed(rows))  # the first is of the sound, which has one row

    @property
    def widest(self) -> str:
        """The name of a parameter of as many channels as any."""
        return f"face_encoder_blocks.{len(self.sizes) - 1}.0.conv_block.0.weight"


LAYOUTS = (
    Layout(
        side=96,
        down=((32, 2), (64, 3), (128, 2), (256, 2), (512, 1)),
        ends=(3,),
        up=((512, 2), (384, 2), (256, 2), (128, 2), (64, 2)),
    ),
    Layout(
        side=256,
        down=((32, 2), (64, 3), (128, 2), (256, 2), (512, 1), (512, 1)),
        ends=(4,),
        up=((512, 1), (512, 2), (384, 2), (256, 2), (128, 2), (64, 2)),
    ),
    Layout(
        side=288,
        down=((32, 1), (32, 2), (64, 3), (128, 2), (256, 2), (512, 1)),
        ends=(3, 3),
        up=((512, 2), (512, 2), (384, 2), (256, 2), (128, 2), (64, 2), (64, 2)),
        first_kernel=5,
    ),
)
PUBLISHED = LAYOUTS[0]

# Parameter names by which other models are known (each is often handed in as the generator).
OTHER_MODELS = {
    "conv3_3_norm_mbox_conf.weight": "the S3FD face detector",
    "conv3_3_norm.weight": "the S3FD face detector",
    "face_encoder.0.conv_block.0.weight": "the lip-sync expert (SyncNet), a judge and no generator",
    "face.0.conv_block.0.weight": "a lip-sync expert of lipsyncd's, a judge and no generator",
    "binary_pred.0.weight": "the visual quality discriminator of the training",
    "netcnnaud.0.weight": "SyncNet v2, a judge and no generator",
    "sam.sa.conv1.weight": "a Wav2Lip variant with spatial attention (192 or 384 pixels), of which "
    "the weights do not tell how they are used",
    "down_blocks.0.resnets.0.conv1.weight": "a diffusion U-Net, as MuseTalk and LatentSync have it",
}


def layout_of(path: Path, state: Mapping[str, torch.Tensor]) -> Layout:
    """The layout that parameters have, as far as it takes to tell it from the others.

    Raises CheckpointInvalid, which names what they are instead.
    """
    for name, what in OTHER_MODELS.items():
        if name in state:
            raise refusal(f"{path} is {what}, not a lip generator that runs here.")
    seen, heard = stages_of(state, "face_encoder_blocks"), stages_of(state, "audio_encoder")
    if not seen:
        raise refusal(f"{path} holds some other model, not a Wav2Lip generator.")
    if heard != HEARD:
        raise refusal(
            f"{path} is a Wav2Lip variant that hears through {heard} layers, not {HEARD}, as "
            "Nota's compressed one does."
        )
    for layout in LAYOUTS:
        if len(layout.sizes) == seen and layout.widest in state:
            return layout
    sides = " nor ".join(str(layout.side) for layout in LAYOUTS)
    raise refusal(
        f"{path} is a Wav2Lip variant for neither {sides} pixels ({seen} encoder stages)."
    )


def stages_of(state: Mapping[str, torch.Tensor], part: str) -> int:
    """How many stages a part of the network has."""
    return len({match[1] for name in state if (match := re.match(rf"{part}\.(\d+)\.", name))})


def width_of(path: Path, state: Mapping[str, torch.Tensor], layout: Layout) -> float:
    """The share of the published channels.  Raises CheckpointInvalid."""
    shape = state[layout.widest].shape
    if not shape or shape[0] not in CHANNELS:
        raise refusal(
            f"{path} has a layer of shape {list(shape)} where one of {CHANNELS[0]} to "
            f"{CHANNELS[-1]} channels is known."
        )
    return shape[0] / 512


def refusal(what: str) -> CheckpointInvalid:
    """The error, with where to look for another."""
    return CheckpointInvalid(what, HINTS[CHECKPOINT])
