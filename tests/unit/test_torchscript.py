"""A TorchScript archive is read as data: the same tensors by the same names, and nothing is run."""

import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from support.checkpoints import random_generator, write_torchscript
from torch import nn

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.torchscript import Refused, read_torchscript

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class Odd(nn.Module):
    """All that an attribute may be: tensors of other kinds and strides, shared ones, empty ones,
    lists and dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.tied = self.first.weight
        self.register_buffer("across", torch.arange(6).reshape(2, 3).t())
        self.register_buffer("part", torch.arange(10.0)[2:8:2])
        self.register_buffer("nothing", torch.empty(0, 5))
        self.register_buffer("brain", torch.ones(2, dtype=torch.bfloat16))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("unsaved", torch.ones(1), persistent=False)
        self.numbers, self.shares, self.signs = [1, 2], [0.5], [True]
        self.words, self.places = ["a"], {"x": 1.5}
        self.tensors, self.named = [torch.zeros(2)], {"y": torch.ones(2)}
        self.pair, self.where = (1, "x"), torch.device("cpu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        listed = self.tensors[0].sum() + self.named["y"].sum() + self.numbers[0]
        return self.norm(self.first(x)) + listed


class Sly(nn.Module):
    """What would print when it is loaded."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> tuple[int, bool]:
        return 1, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[int, bool]) -> None:
        print("sprung")
        self.training = state[1]


def script(module: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(module).save(str(path))
    return path


def read(path: Path) -> dict[str, torch.Tensor]:
    with zipfile.ZipFile(path) as archive:
        return read_torchscript(archive)


def loaded(path: Path) -> dict[str, torch.Tensor]:
    """As PyTorch reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return dict(torch.jit.load(str(path)).state_dict())


def changed(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The archive with its entries changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    path.write_bytes(result.getvalue())
    return path


def with_pickle(path: Path, content: bytes) -> Path:
    return changed(path, lambda name, old: content if name.endswith("/data.pkl") else old)


def refused(path: Path) -> str:
    with pytest.raises(CheckpointInvalid) as caught:
        load_checkpoint(path, lambda _: None)
    return caught.value.message


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_torchscript(tmp_path / "weights", random_generator())


@pytest.fixture
def sprung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that a trap would write; it must not be there in the end."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "sprung"
    assert not (tmp_path / "sprung").exists()


def write_traced(path: Path) -> Path:
    return write_torchscript(path, random_generator())


def write_scripted(path: Path) -> Path:
    return script(random_generator().face_decoder_blocks[3], path)


def write_odd(path: Path) -> Path:
    return script(Odd().eval(), path)


@pytest.mark.parametrize("write", [write_traced, write_scripted, write_odd])
def test_its_tensors_are_those_that_pytorch_loads(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path / "archive")
    ours, theirs = read(path), loaded(path)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype, name
        assert torch.equal(ours[name], tensor), name


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch sprung'\ntR.",
        b"cposix\nsystem\n(S'touch sprung'\ntR.",
        b'cbuiltins\neval\n(S\'open("sprung", "w")\'\ntR.',
        b"c__torch__\nM\n)\x81cos\nsystem\n(S'touch sprung'\ntRb.",
        b"ctorch.serialization\nload\n(S'sprung'\ntR.",
        b"ctorch.jit._pickle\nload\n(S'sprung'\ntR.",
    ],
)
def test_a_pickle_that_names_a_function_is_refused_and_nothing_is_called(
    archive: Path, sprung: Path, content: bytes
) -> None:
    assert "(it names " in refused(with_pickle(archive, content))


def test_a_pickle_that_changes_a_stand_in_is_refused(archive: Path) -> None:
    content = b"ctorch._utils\n_rebuild_tensor_v2\n}b."
    assert "it changes a function" in refused(with_pickle(archive, content))


def test_the_trap_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(b"cos\nsystem\n(S'touch sprung'\ntR.")
    assert (tmp_path / "sprung").exists()


def test_code_that_would_run_at_load_does_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = script(Sly(), tmp_path / "sly")
    capfd.readouterr()
    with pytest.raises(Refused, match="by code"):
        read(path)
    assert "sprung" not in "".join(capfd.readouterr())
    loaded(path)
    assert "sprung" in "".join(capfd.readouterr()), "the trap works"


def test_what_is_no_code_any_more_does_not_matter(archive: Path) -> None:
    """Nobody looks at it."""
    before = read(archive)
    changed(archive, lambda name, old: b"?" if "/code/" in name else old)
    after = read(archive)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x00x"),  # a storage that is not there
        (b"torch\nFloatStorage", b"torch\nDoubleStorage"),
        (b"torch\nFloatStorage", b"torch\nComplexStorage"),
        (b"q\x00)\x81}", b"r\xff\xff\xff\x7f)\x81}"),  # memory for two billion things
    ],
)
def test_a_pickle_that_lies_about_its_storages_is_refused(
    archive: Path, old: bytes, new: bytes
) -> None:
    with zipfile.ZipFile(archive) as file:
        (name,) = (name for name in file.namelist() if name.endswith("/data.pkl"))
        content = file.read(name)
    assert old in content
    assert "damaged or truncated" in refused(with_pickle(archive, content.replace(old, new, 1)))


def test_modules_in_each_other_without_end_are_refused(archive: Path) -> None:
    """Each of forty holds the next one twice: a million million of them, by their names."""
    content = b"c__torch__\nM\nq\x00)\x81q\x01"
    for number in range(2, 42):
        twice = b"U\x01ah" + bytes([number - 1]) + b"U\x01bh" + bytes([number - 1])
        content += b"h\x00)\x81}(" + twice + b"ubq" + bytes([number])
    content = content.replace(b"q\x01", b"}bq\x01", 1)
    assert "more parts" in refused(with_pickle(archive, content + b"."))


def test_an_archive_is_not_loaded_by_pytorch(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: os.abort())
    load_checkpoint(archive, lambda _: None)
