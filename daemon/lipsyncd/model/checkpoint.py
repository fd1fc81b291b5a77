"""A checkpoint: one weights file made into a generator, with the numbers it dictates.

The only place that unpickles, and only with `weights_only=True`.  What is not a Wav2Lip generator
for 96-pixel crops is refused by name: people really do save web pages and pointers as weights.
"""

import hashlib
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing
from lipsyncd.model.generator import Generator

READ_BYTES = 8 << 20  # between reports of progress
ENCODERS = 7  # face encoder stages from 96 pixels down to 1
GET_ANOTHER = "Point `checkpoint` in the configuration at a Wav2Lip generator for 96-pixel crops."
DOWNLOAD_AGAIN = "Download it again, and compare its size and sha256 with the publisher's."

# What metadata must say, where there is any.
KNOWN = {"architecture": "wav2lip", "color": "BGR", "crop": "96", "mel_window": "16"}

# First bytes of what is saved by mistake as weights.
MISTAKEN = {
    b"<": "a web page, not weights",
    b"version https://git-lfs": "a git-LFS pointer, not the weights themselves",
    b"%PDF": "a PDF document, not weights",
    b"\x08": "an ONNX model; lipsyncd runs PyTorch weights",
}
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
class Conventions:
    """How a checkpoint was trained to be fed; the defaults are those of the published files."""

    mel_offset_frames: int = 0  # frames (of 1/25 s) by which a window begins before its frame
    chin_share: float = 0.0  # the box's bottom moves down by this share of its height,
    chin_pixels: int = 10  # and by so many pixels


@dataclass(frozen=True)
class Checkpoint:
    """A weights file in memory: the generator is folded, float32, in evaluation mode."""

    path: Path
    sha256: str
    width: float
    conventions: Conventions
    generator: Generator


def load_checkpoint(path: Path, report: Callable[[str], None]) -> Checkpoint:
    """Read a safetensors, pickle or TorchScript file; `report` is told as bytes come in.

    Raises CheckpointMissing, CheckpointInvalid.
    """
    if not path.is_file():
        raise CheckpointMissing(f"There is no checkpoint at {path}.", GET_ANOTHER)
    refuse_mistaken(path)
    sha256 = sha256_of(path, report)
    state, metadata = read_state(path)
    generator, width = build_generator(path, state)
    return Checkpoint(path, sha256, width, conventions_of(path, metadata), generator)


def refuse_mistaken(path: Path) -> None:
    """Name what is no weights file at all by its first bytes."""
    if is_safetensors(path):
        return
    head = head_of(path).lstrip()
    if not head:
        raise CheckpointInvalid(f"{path} is empty.", DOWNLOAD_AGAIN)
    for beginning, what in MISTAKEN.items():
        if head.startswith(beginning):
            raise CheckpointInvalid(f"{path} is {what}.", DOWNLOAD_AGAIN)


def read_state(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The file's parameters by name, and its metadata (empty where the container has none)."""
    try:
        if is_safetensors(path):
            return read_safetensors(path)
        return plain_state(path, read_pickle(path)), {}
    except CheckpointInvalid:
        raise
    except Exception as error:  # whatever a damaged file makes its parser say
        reason = str(error).strip().split("\n")[0][:200]
        raise CheckpointInvalid(
            f"{path} is damaged or truncated ({reason}).", DOWNLOAD_AGAIN
        ) from error


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safetensors.safe_open(path, framework="pt") as file:
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}, file.metadata() or {}


def read_pickle(path: Path) -> object:
    """A pickled dictionary, or the TorchScript archive that the official page serves today."""
    if is_torchscript(path):
        with warnings.catch_warnings():  # that it is deprecated does not change the files there are
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(path, map_location="cpu").state_dict()
    with path.open("rb") as file:  # a path torch.load would judge by its name
        return torch.load(file, map_location="cpu", weights_only=True)


def is_torchscript(path: Path) -> bool:
    """A zip file with code in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def is_safetensors(path: Path) -> bool:
    """Eight bytes of length, then a JSON object."""
    return head_of(path)[8:9] == b"{"


def plain_state(path: Path, content: object) -> dict[str, torch.Tensor]:
    """Unwrap `state_dict` and the `module.` prefix of multi-GPU training."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise CheckpointInvalid(f"{path} holds no state dict.", GET_ANOTHER)
    return {
        str(name).removeprefix("module."): value
        for name, value in content.items()
        if isinstance(value, torch.Tensor)
    }


def build_generator(path: Path, state: dict[str, torch.Tensor]) -> tuple[Generator, float]:
    """The network of the width that the parameters have, holding them, folded."""
    refuse_others(path, state)
    width = state["face_encoder_blocks.5.0.conv_block.0.weight"].shape[0] / 512
    generator = Generator(width).eval()
    try:
        generator.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[-1].strip()
        raise CheckpointInvalid(
            f"{path} is not the published Wav2Lip layout: {reason}", GET_ANOTHER
        ) from error
    if not all(tensor.isfinite().all() for tensor in generator.state_dict().values()):
        raise CheckpointInvalid(f"{path} holds weights that are not numbers.", DOWNLOAD_AGAIN)
    generator.fold()
    return generator, width


def refuse_others(path: Path, state: dict[str, torch.Tensor]) -> None:
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
    if len(stages) != ENCODERS or "face_encoder_blocks.5.0.conv_block.0.weight" not in state:
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


def sha256_of(path: Path, report: Callable[[str], None]) -> str:
    """The file's hash.  Reading all of it first also means that a slow disk is seen to move."""
    digest, size, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
            done += len(piece)
            report(f"reading {path.name}: {done * 100 // size} %")
    return digest.hexdigest()
