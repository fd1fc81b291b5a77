"""The formats of weights: parameters by name from a file's bytes, whatever it was saved as.

The only place that unpickles with PyTorch, and only with `weights_only=True`.  People really do
save web pages and pointers as weights: what is none is refused by name, and so is a file that
states more than it holds, before there is room made for it.
"""

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch

from lipsyncd.errors import CheckpointInvalid, HostExhausted
from lipsyncd.model.torchscript import (
    DTYPES,
    Refused,
    is_torchscript,
    read_torchscript,
    refuse_wide,
)
from lipsyncd.model.weights import HINTS, WeightsFile
from lipsyncd.system.disk import exhausted

DOWNLOAD_AGAIN = "Download it again, and compare its size and sha256 with the publisher's."
SLACK_BYTES = 1 << 20  # by which a zip file may unpack to more than it is
PREAMBLE = 3  # pickles before the one with the weights, in files from before zip files

# First bytes of what is saved by mistake as weights.
MISTAKEN = {
    b"<": "a web page, not weights",
    b"version https://git-lfs": "a git-LFS pointer, not the weights themselves",
    b"%PDF": "a PDF document, not weights",
    b"\x08": "an ONNX model; lipsyncd runs PyTorch weights",
}

State = dict[str, torch.Tensor]


def read_state(file: WeightsFile) -> tuple[State, dict[str, str]]:
    """The file's parameters by name, and its metadata (empty where the format has none).

    Raises CheckpointInvalid, HostExhausted.
    """
    refuse_mistaken(file)
    try:
        state, metadata = parsed(file)
        held = sum(tensor.nbytes for tensor in state.values())
        if held > len(file.content):
            raise Refused(f"it states {held} bytes of weights")
        return state, metadata
    except (CheckpointInvalid, HostExhausted):
        raise
    except Exception as error:  # whatever a damaged file makes its parser say
        if is_short_of_memory(error):
            raise exhausted("no memory for the weights") from error
        reason = str(error).strip().split("\n")[0][:200]
        raise CheckpointInvalid(
            f"{file.path} is damaged or truncated ({reason}).", DOWNLOAD_AGAIN
        ) from error


def refuse_mistaken(file: WeightsFile) -> None:
    """Name what is no weights file at all by its first bytes."""
    if is_safetensors(file.content):
        return
    head = file.content[:512].lstrip()
    if not head:
        raise CheckpointInvalid(f"{file.path} is empty.", DOWNLOAD_AGAIN)
    for beginning, what in MISTAKEN.items():
        if head.startswith(beginning):
            raise CheckpointInvalid(f"{file.path} is {what}.", DOWNLOAD_AGAIN)


def parsed(file: WeightsFile) -> tuple[State, dict[str, str]]:
    content = file.content
    if is_safetensors(content):
        return safetensors.torch.load(content), safetensors_metadata(content)
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            refuse_swollen(file, archive)
            if is_torchscript(archive):
                return read_torchscript(archive), {}
    else:
        refuse_overstated(content)
    loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return plain_state(file, loaded), {}


def is_safetensors(content: bytes) -> bool:
    """Eight bytes of length, then a JSON object."""
    return content[8:9] == b"{"


def safetensors_metadata(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__") or {}


def refuse_swollen(file: WeightsFile, archive: zipfile.ZipFile) -> None:
    """Weights do not shrink, so nobody packs them."""
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > len(file.content) + SLACK_BYTES:
        raise CheckpointInvalid(
            f"{file.path} has {len(file.content)} bytes and unpacks to {unpacked}.", DOWNLOAD_AGAIN
        )


class Survey(pickle.Unpickler):
    """Reads how large the storages of a pickle are said to be, and builds nothing of it."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.stated: dict[Any, int] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        return type("Anything", (Anything,), {})

    def persistent_load(self, told: Any) -> None:
        _, dtype, key, _, count, *_ = told
        self.stated[key] = count * getattr(dtype, "itemsize", 1)


class Anything:
    """Stands in for whatever a pickle names, and ignores what it is given."""

    def __new__(cls, *_arguments: object) -> "Anything":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...

    def extend(self, items: object) -> None: ...


def refuse_overstated(content: bytes) -> None:
    """PyTorch makes room for all that a pickle from before zip files states."""
    file = io.BytesIO(content)
    for _ in range(PREAMBLE):
        Survey(file).load()
    refuse_wide(content[file.tell() :])
    survey = Survey(file)
    survey.load()
    stated = sum(survey.stated.values())
    if stated > len(content):
        raise Refused(f"it states {stated} bytes of weights")


def plain_state(file: WeightsFile, content: object) -> State:
    """Unwrap `state_dict` and the `module.` prefix of multi-GPU training."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise CheckpointInvalid(f"{file.path} holds no state dict.", HINTS[file.what])
    return {
        str(name).removeprefix("module."): value
        for name, value in content.items()
        if isinstance(value, torch.Tensor) and is_plain(value)
    }


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether it is just numbers in memory."""
    is_dense = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return is_dense and not tensor.is_quantized and not tensor.is_complex()


def is_short_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)
