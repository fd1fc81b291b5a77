"""TorchScript archives read as data: their tensors by name, and nothing in them is run.

Such an archive is a zip file: `data.pkl` builds the modules, `data/N` are their storages, and
beside them lies code, which `torch.jit.load` runs, partly while it loads.  Here the pickle gets
nothing to build with but stand-ins that keep what they are given.
"""

import io
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple, Never

import torch

MOST_PARTS = 100_000  # modules and tensors; a generator has some 600
DTYPES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
}
# What wraps lists and dictionaries, whose first argument they are.
WRAPPERS = {
    *("build_boollist", "build_doublelist", "build_intlist", "build_tensorlist"),
    "restore_type_tag",
}


class Refused(ValueError):
    """The pickle asks for what TorchScript does not write."""


class Storage(NamedTuple):
    """Where numbers lie: `data/{key}` in the archive."""

    dtype: torch.dtype
    key: str
    length: int


class View(NamedTuple):
    """A tensor, as the pickle tells it."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Module:
    """Stands in for an object of one of the archive's own classes."""

    state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class Maker:
    """Stands in for a function of which the pickle gives arguments."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> Never:
        raise Refused("it changes a function")


class Unpickler(pickle.Unpickler):
    """Builds stand-ins, and calls nothing that the pickle names."""

    def __init__(self, content: bytes) -> None:
        refuse_wide(content)
        super().__init__(io.BytesIO(content))

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.".startswith("__torch__."):
            return type("Module", (Module,), {})  # one of its own: what is done to it stays there
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        match module, name:
            case "torch._utils", "_rebuild_tensor_v2":
                return Maker(
                    lambda storage, offset, size, stride, *_: View(storage, offset, size, stride)
                )
            case "collections", "OrderedDict":
                return Maker(lambda: None)  # hooks, of which there are none
            case "torch", "device":
                return Maker(str)
            case "torch.jit._pickle", _ if name in WRAPPERS:
                return Maker(lambda wrapped, *_: wrapped)
        raise Refused(f"it names {module}.{name}")

    def persistent_load(self, told: Any) -> Storage:
        _, dtype, key, _, count = told
        return Storage(dtype, key, count)


def is_torchscript(archive: zipfile.ZipFile) -> bool:
    """Whether there is code in a zip file."""
    return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_torchscript(archive: zipfile.ZipFile) -> dict[str, torch.Tensor]:
    """The tensors by name, as in `state_dict()` of what `torch.jit.load` makes of the archive.

    Raises Refused, and whatever a damaged archive makes its readers say.
    """
    (place,) = (name for name in archive.namelist() if name.count("/") == 1 and is_data(name))
    root = Unpickler(archive.read(place)).load()
    if not isinstance(root, Module):
        raise Refused("it holds no module")
    views: dict[str, View] = {}
    collect(root, "", views, [MOST_PARTS])
    storages = {view.storage for view in views.values()}
    whole = {storage: numbers(archive, place, storage) for storage in storages}
    return {
        name: whole[view.storage].as_strided(view.size, view.stride, view.offset)
        for name, view in views.items()
    }


def is_data(name: str) -> bool:
    return name.endswith("/data.pkl")


def collect(module: Module, prefix: str, views: dict[str, View], left: list[int]) -> None:
    """Put the tensors of a module and of those in it into `views`, under their dotted names."""
    if not isinstance(module.state, dict):
        raise Refused("an object in it wants to be built by code")
    for name, value in module.state.items():
        if isinstance(value, View):
            views[f"{prefix}{name}"] = value
        elif isinstance(value, Module):
            collect(value, f"{prefix}{name}.", views, left)
        left[0] -= 1
        if left[0] < 0:
            raise Refused("it has more parts than any generator")


def numbers(archive: zipfile.ZipFile, place: str, storage: Storage) -> torch.Tensor:
    """All numbers of a storage, in one dimension."""
    entry = archive.getinfo(f"{place.removesuffix('.pkl')}/{storage.key}")
    if entry.file_size != storage.length * storage.dtype.itemsize:
        raise Refused(
            f"{entry.filename} has {entry.file_size} bytes, and not {storage.length} numbers"
        )
    if storage.length == 0:
        return torch.empty(0, dtype=storage.dtype)
    return torch.frombuffer(bytearray(archive.read(entry)), dtype=storage.dtype)


def refuse_wide(content: bytes) -> None:
    """A pickle numbers what it keeps; one that skips numbers takes memory for all in between."""
    kept = 0
    for code, argument, _ in pickletools.genops(content):
        if code.name in {"PUT", "BINPUT", "LONG_BINPUT"}:
            kept += 1
            assert isinstance(argument, int)
            if argument > 2 * kept + 256:
                raise Refused(f"it keeps {kept} things as number {argument}")
