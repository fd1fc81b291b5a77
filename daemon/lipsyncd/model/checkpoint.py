"""A checkpoint: one weights file made into a generator, with the numbers it dictates.

What is not a Wav2Lip generator for 96-pixel crops is refused by name, by the names and the shapes
of its parameters, before anything is allocated for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.model.conventions import Conventions
from lipsyncd.model.formats import DOWNLOAD_AGAIN, State, read_state
from lipsyncd.model.generator import Generator
from lipsyncd.model.weights import CHECKPOINT, HINTS, Report, read_weights

ENCODERS = 7  # face encoder stages from 96 pixels down to 1
WIDEST = "face_encoder_blocks.5.0.conv_block.0.weight"  # of as many channels as any: 512 at width 1
CHANNELS = range(8, 2 * 512 + 1)  # the published generator has 512; twice as wide takes 580 MB
GET_ANOTHER = HINTS[CHECKPOINT]

# What metadata must say, where there is any.
KNOWN = {"architecture": "wav2lip", "color": "BGR", "crop": "96", "mel_window": "16"}

# Parameter names by which other models are known (each is often handed in as the generator).
OTHER_MODELS = {
    "conv3_3_norm_mbox_conf.weight": "the S3FD face detector",
    "conv3_3_norm.weight": "the S3FD face detector",
    "face_encoder.0.conv_block.0.weight": "the lip-sync expert (SyncNet), a judge and no generator",
    "binary_pred.0.weight": "the visual quality discriminator of the training",
    "netcnnaud.0.weight": "SyncNet v2, a judge and no generator",
    "sam.sa.conv1.weight": "a Wav2Lip variant with spatial attention (192 or 384 pixels)",
}


@dataclass(frozen=True)
class Checkpoint:
    """A weights file in memory: the generator is folded, float32, in evaluation mode."""

    path: Path
    sha256: str
    width: float
    conventions: Conventions
    generator: Generator


def load_checkpoint(path: Path, report: Report) -> Checkpoint:
    """Read a safetensors, pickle or TorchScript file; `report` is told as bytes come in.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    file = read_weights(path, CHECKPOINT, report)
    with file.believed(report):
        state, metadata = read_state(file)
        generator, width = build_generator(path, state)
        return Checkpoint(path, file.sha256, width, conventions_of(path, metadata), generator)


def build_generator(path: Path, state: State) -> tuple[Generator, float]:
    """The network of the width that the parameters have, holding them, folded."""
    refuse_others(path, state)
    width = width_of(path, state)
    with torch.device("meta"):  # shapes, and no memory behind them
        generator = Generator(width).eval()
    try:
        generator.load_state_dict(fitted(state, generator), assign=True)
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[-1].strip()
        raise CheckpointInvalid(
            f"{path} is not the published Wav2Lip layout: {reason}", GET_ANOTHER
        ) from error
    if not all(tensor.isfinite().all() for tensor in generator.state_dict().values()):
        raise CheckpointInvalid(f"{path} holds weights that are not numbers.", DOWNLOAD_AGAIN)
    generator.fold()
    return generator, width


def width_of(path: Path, state: State) -> float:
    """The width by the number of channels.  Raises CheckpointInvalid."""
    shape = state[WIDEST].shape
    if not shape or shape[0] not in CHANNELS:
        raise CheckpointInvalid(
            f"{path} has a layer of shape {list(shape)} where one of {CHANNELS[0]} to "
            f"{CHANNELS[-1]} channels is known.",
            GET_ANOTHER,
        )
    return shape[0] / 512


def fitted(state: State, generator: Generator) -> State:
    """The parameters, taken out of `state`, in the precision of the generator."""
    layout = generator.state_dict()
    return {name: fit(state.pop(name), layout.get(name)) for name in list(state)}


def fit(tensor: torch.Tensor, wanted: torch.Tensor | None) -> torch.Tensor:
    """A copy of its own, where the shape is the wanted one."""
    if wanted is None or wanted.shape != tensor.shape:
        return tensor
    return torch.empty(wanted.shape, dtype=wanted.dtype).copy_(tensor)


def refuse_others(path: Path, state: State) -> None:
    """Name the models that are known and are not ours."""
    for name, what in OTHER_MODELS.items():
        if name in state:
            raise CheckpointInvalid(f"{path} is {what}, not the lip generator.", GET_ANOTHER)
    stages = {
        match[1] for name in state if (match := re.match(r"face_encoder_blocks\.(\d+)\.", name))
    }
    if not stages:
        raise CheckpointInvalid(
            f"{path} holds some other model, not a Wav2Lip generator.", GET_ANOTHER
        )
    if len(stages) != ENCODERS or WIDEST not in state:
        raise CheckpointInvalid(
            f"{path} is a Wav2Lip variant for other than 96 pixels ({len(stages)} encoder stages).",
            GET_ANOTHER,
        )


def conventions_of(path: Path, metadata: Mapping[str, str]) -> Conventions:
    """The conventions in a file's metadata; without any, those of the published files."""
    if "architecture" not in metadata:
        return Conventions()
    box = re.fullmatch(r"yunet; bottom extended by (\d+)% of the height", metadata.get("box", ""))
    offset = re.fullmatch(r"-?\d+", metadata.get("mel_offset_frames", ""))
    if not box or not offset or any(metadata.get(key) != value for key, value in KNOWN.items()):
        raise CheckpointInvalid(
            f"{path} wants to be fed in a way unknown to this version.", GET_ANOTHER
        )
    return Conventions(
        mel_offset_frames=int(offset[0]), chin_share=int(box[1]) / 100, chin_pixels=0
    )
