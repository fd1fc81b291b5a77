"""A checkpoint: one weights file made into a generator, with the numbers it dictates.

What is no Wav2Lip generator of a known layout is refused by name, by the names and the shapes of
its parameters, before anything is allocated for it.
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
from lipsyncd.model.layouts import Layout, layout_of, width_of
from lipsyncd.model.weights import CHECKPOINT, HINTS, Report, WeightsFile, read_weights

GET_ANOTHER = HINTS[CHECKPOINT]

# What metadata must say, where there is any.
KNOWN = {"architecture": "wav2lip", "color": "BGR", "mel_window": "16"}


@dataclass(frozen=True)
class Checkpoint:
    """A weights file in memory: the generator is folded, float32, in evaluation mode; `licence` is
    what the file says of it, mostly nothing."""

    path: Path
    sha256: str
    width: float
    conventions: Conventions
    generator: Generator
    licence: str = ""


def load_checkpoint(path: Path, report: Report) -> Checkpoint:
    """Read a safetensors, pickle or TorchScript file; `report` is told as bytes come in.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    return checkpoint_of(read_weights(path, CHECKPOINT, report), report)


def checkpoint_of(file: WeightsFile, report: Report) -> Checkpoint:
    """What is in a file.  Raises CheckpointInvalid, DiskFailed, HostExhausted."""
    path = file.path
    with file.believed(report):
        state, metadata = read_state(file)
        layout = layout_of(path, state)
        width, conventions = width_of(path, state, layout), conventions_of(path, metadata, layout)
        generator = build_generator(path, state, layout, width)
        licence = metadata.get("license", "")
        return Checkpoint(path, file.sha256, width, conventions, generator, licence)


def build_generator(path: Path, state: State, layout: Layout, width: float) -> Generator:
    """The network of a layout and a width, holding the parameters, folded."""
    with torch.device("meta"):  # shapes, and no memory behind them
        generator = Generator(width, layout).eval()
        generator.learn_slopes(state)
    try:
        generator.load_state_dict(fitted(state, generator), assign=True)
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[-1].strip()
        raise CheckpointInvalid(
            f"{path} is not the published Wav2Lip layout for {layout.side} pixels: {reason}",
            GET_ANOTHER,
        ) from error
    if not all(tensor.isfinite().all() for tensor in generator.state_dict().values()):
        raise CheckpointInvalid(f"{path} holds weights that are not numbers.", DOWNLOAD_AGAIN)
    generator.fold()
    return generator


def fitted(state: State, generator: Generator) -> State:
    """The parameters, taken out of `state`, in the precision of the generator."""
    layout = generator.state_dict()
    return {name: fit(state.pop(name), layout.get(name)) for name in list(state)}


def fit(tensor: torch.Tensor, wanted: torch.Tensor | None) -> torch.Tensor:
    """A copy of its own, where the shape is the wanted one."""
    if wanted is None or wanted.shape != tensor.shape:
        return tensor
    return torch.empty(wanted.shape, dtype=wanted.dtype).copy_(tensor)


def conventions_of(path: Path, metadata: Mapping[str, str], layout: Layout) -> Conventions:
    """The conventions in a file's metadata; without any, those of the published files."""
    if "architecture" not in metadata:
        return Conventions(side=layout.side)
    known = KNOWN | {"crop": str(layout.side)}
    box = re.fullmatch(r"yunet; bottom extended by (\d+)% of the height", metadata.get("box", ""))
    offset = re.fullmatch(r"-?\d+", metadata.get("mel_offset_frames", ""))
    if not box or not offset or any(metadata.get(key) != value for key, value in known.items()):
        raise CheckpointInvalid(
            f"{path} wants to be fed in a way unknown to this version.", GET_ANOTHER
        )
    return Conventions(
        side=layout.side,
        mel_offset_frames=int(offset[0]),
        chin_share=int(box[1]) / 100,
        chin_pixels=0,
    )
