"""A checkpoint in any published form makes the same mouths; what is none is refused by its name."""

import hashlib
import io
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from support.checkpoints import (
    FORMS,
    SHIPPED,
    random_generator,
    write_legacy_pickle,
    write_safetensors,
    write_zip_pickle,
)

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing
from lipsyncd.model.checkpoint import Checkpoint, Conventions, load_checkpoint
from lipsyncd.model.generator import Generator
from lipsyncd.model.layouts import LAYOUTS, Layout

METADATA = {
    "architecture": "wav2lip",
    "color": "BGR",
    "crop": "96",
    "mel_window": "16",
    "mel_offset_frames": "-1",
    "box": "yunet; bottom extended by 12% of the height",
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.side}")
every_form = pytest.mark.parametrize("form", FORMS)


def load(path: Path) -> Checkpoint:
    return load_checkpoint(path, lambda _: None)


@torch.inference_mode()
def mouths(generator: Generator) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    windows = torch.rand(2, 1, 80, 16, generator=random) * 8 - 4
    return generator(windows, torch.rand(2, 6, generator.side, generator.side, generator=random))


def refused(path: Path) -> str:
    """What the refusal says; it always names the file and the next step."""
    with pytest.raises(CheckpointInvalid) as caught:
        load(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


# What is taken


@every_form
def test_every_published_form_makes_the_same_mouths(tmp_path: Path, form: str) -> None:
    generator = random_generator()
    path = FORMS[form](tmp_path / "weights", generator)
    checkpoint = load(path)
    plain = load(write_safetensors(tmp_path / "plain", generator))
    assert torch.equal(mouths(checkpoint.generator), mouths(plain.generator))
    torch.testing.assert_close(mouths(checkpoint.generator), mouths(generator), atol=1e-5, rtol=0)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint.width == 1 / 64
    assert checkpoint.conventions == Conventions(0, 0.0, 10)
    assert not checkpoint.generator.training


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_taken_in_float32(
    tmp_path: Path, kind: torch.dtype
) -> None:
    generator = random_generator().to(kind)
    loaded = load(write_safetensors(tmp_path / "weights", generator)).generator
    assert {weights.dtype for weights in loaded.parameters()} == {torch.float32}
    expected = mouths(random_generator())
    torch.testing.assert_close(mouths(loaded), expected, atol=0.1, rtol=0)


def test_the_width_is_read_from_the_weights(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "weights", random_generator(1 / 8))
    assert load(path).width == 1 / 8


@every_layout
@pytest.mark.parametrize("slopes", ["", ".", r"face_decoder_blocks\.[1-9]\.0"])
def test_a_published_layout_is_told_by_its_parameters(
    tmp_path: Path, layout: Layout, slopes: str
) -> None:
    """Slopes that are learned, in all layers or in those that enlarge, are the 288-pixel projects'
    own way.  The name of the file says nothing: people call each of them wav2lip.pth."""
    generator = random_generator(layout=layout, slopes=slopes)
    checkpoint = load(write_legacy_pickle(tmp_path / "wav2lip.pth", generator))
    assert checkpoint.conventions == Conventions(side=layout.side)
    loaded, wanted = (mouths(each) for each in (checkpoint.generator, generator))
    torch.testing.assert_close(loaded, wanted, atol=1e-4, rtol=0)


def test_a_crop_of_another_size_than_the_layout_has_is_refused(tmp_path: Path) -> None:
    generator = random_generator(layout=LAYOUTS[1])
    path = write_safetensors(tmp_path / "weights", generator, METADATA)
    assert "fed in a way unknown" in refused(path)
    path = write_safetensors(tmp_path / "weights", generator, METADATA | {"crop": "256"})
    assert load(path).conventions == Conventions(-1, 0.12, 0, side=256)


def test_the_conventions_are_read_from_the_metadata(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "weights", random_generator(), METADATA)
    assert load(path).conventions == Conventions(-1, 0.12, 0)


def test_metadata_of_another_tool_is_ignored(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "weights", random_generator(), {"format": "pt"})
    assert load(path).conventions == Conventions()


def test_the_shipped_checkpoint_is_what_its_page_says() -> None:
    page = (SHIPPED.parent / "README.md").read_text()
    checkpoint = load(SHIPPED)
    assert f"| `{SHIPPED.name}` | 18 225 014 | `{checkpoint.sha256}` |" in page
    assert SHIPPED.stat().st_size == 18_225_014
    assert checkpoint.sha256.startswith("58bd4c5c2ca0ef14")
    assert checkpoint.width == 0.5
    assert checkpoint.conventions == Conventions(-2, 0.05, 0)


def test_loading_is_told_in_steps(tmp_path: Path) -> None:
    said: list[str] = []
    load_checkpoint(write_safetensors(tmp_path / "weights", random_generator()), said.append)
    assert said
    assert all("weights" in text for text in said)


# What is refused


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match="no checkpoint at .*nowhere"):
        load(tmp_path / "nowhere")


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing):
        load(tmp_path)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 435801865\n"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"<!DOCTYPE html><html><head><title>Sign in</title>", "a web page"),
        (b"\r\n\r\n<html>\n<body>SharePoint</body></html>" * 100, "a web page"),
        (POINTER, "a git-LFS pointer"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"\x08\x07\x12\x07pytorch\x1a\x051.9.0:\xc8", "an ONNX model"),
        (b"not weights at all, but some text\n" * 30, "damaged or truncated"),
        (bytes(4096), "damaged or truncated"),
        ((1 << 40).to_bytes(8, "little") + b'{"a":', "damaged or truncated"),
    ],
)
def test_what_is_saved_by_mistake_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "wav2lip.pth"
    path.write_bytes(content)
    assert named in refused(path)


@every_form
@pytest.mark.parametrize("keep", [0.01, 0.5, 0.97])
def test_a_truncated_file_is_named_as_such(tmp_path: Path, form: str, keep: float) -> None:
    path = FORMS[form](tmp_path / "weights", random_generator())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert "damaged or truncated" in refused(path)


def empty(*names: str) -> dict[str, torch.Tensor]:
    return dict.fromkeys(names, torch.zeros(4))


def variant_with_more_stages() -> dict[str, torch.Tensor]:
    """As the one for 512 pixels, which has ten."""
    return random_generator().state_dict() | empty(
        *(f"face_encoder_blocks.{stage}.0.conv_block.0.weight" for stage in (7, 8, 9))
    )


def variant_that_hears_less() -> dict[str, torch.Tensor]:
    """As Nota's compressed one, which has six layers for the sound."""
    state = random_generator().state_dict()
    return {k: v for k, v in state.items() if not re.match(r"audio_encoder\.(\d\d|[6-9])\.", k)}


def variant_without_residuals() -> dict[str, torch.Tensor]:
    state = random_generator().state_dict()
    return {k: v for k, v in state.items() if not k.startswith("face_encoder_blocks.2.1")}


def variant_with_other_shapes() -> dict[str, torch.Tensor]:
    return random_generator().state_dict() | {"output_block.0.conv_block.0.weight": torch.zeros(4)}


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (lambda: empty("conv1_1.weight", "conv3_3_norm.weight"), "the S3FD face detector"),
        (lambda: empty("face_encoder.0.conv_block.0.weight"), "the lip-sync expert"),
        (lambda: empty("face.0.conv_block.0.weight"), "a lip-sync expert of lipsyncd's"),
        (lambda: empty("binary_pred.0.weight"), "the visual quality discriminator"),
        (lambda: empty("netcnnaud.0.weight"), "SyncNet v2"),
        (
            lambda: empty("sam.sa.conv1.weight", "face_encoder_blocks.0.0.conv_block.0.weight"),
            "spatial attention",
        ),
        (lambda: empty("layer1.0.weight", "fc.bias"), "some other model"),
        (lambda: {}, "some other model"),
        (variant_with_more_stages, "neither 96 nor 256 nor 288 pixels (10 encoder stages)"),
        (variant_that_hears_less, "hears through 6 layers, not 13, as Nota's"),
        (lambda: empty("down_blocks.0.resnets.0.conv1.weight"), "a diffusion U-Net, as MuseTalk"),
        (variant_without_residuals, "not the published Wav2Lip layout"),
        (variant_with_other_shapes, "not the published Wav2Lip layout"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_other_models_are_known_by_name(
    tmp_path: Path, state: Callable[[], dict[str, torch.Tensor]], named: str, prefix: str
) -> None:
    path = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": {prefix + name: value for name, value in state().items()}}, path)
    assert named in refused(path)


@pytest.mark.parametrize("content", [[1, 2, 3], "weights", torch.zeros(3), 7, None])
def test_a_pickle_of_something_else_holds_no_state_dict(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights"
    torch.save(content, path)
    assert "holds no state dict" in refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name", ["output_block.1.weight", "audio_encoder.0.conv_block.1.running_var"]
)
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, value: float, name: str) -> None:
    generator = random_generator()
    generator.state_dict()[name].view(-1)[0] = value
    path = write_zip_pickle(tmp_path / "weights", generator)
    assert "weights that are not numbers" in refused(path)


@pytest.mark.parametrize(
    "change",
    [
        {"color": "RGB"},
        {"crop": "256"},
        {"mel_window": "5"},
        {"architecture": "musetalk"},
        {"box": "s3fd"},
        {"box": ""},
        {"mel_offset_frames": "soon"},
        {"mel_offset_frames": None},
    ],
)
def test_unknown_conventions_are_refused(tmp_path: Path, change: dict[str, str | None]) -> None:
    """Never fed in a way that its weights were not trained for."""
    metadata = {name: value for name, value in (METADATA | change).items() if value is not None}
    path = write_safetensors(tmp_path / "weights", random_generator(), metadata)
    assert "fed in a way unknown" in refused(path)


class Trap:
    """A pickled object that would write a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def plain_pickle(content: object) -> bytes:
    return pickle.dumps(content, protocol=2)


def zip_pickle(content: object) -> bytes:
    """As torch.save writes it, with the trap as its pickle."""
    file = io.BytesIO()
    torch.save({}, file)
    result = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            data = plain_pickle(content) if name.endswith("data.pkl") else old.read(name)
            new.writestr(name, data)
    return result.getvalue()


@pytest.mark.parametrize("pack", [plain_pickle, zip_pickle])
def test_a_pickle_that_would_run_code_is_refused_and_does_not(
    tmp_path: Path, pack: Callable[[object], bytes]
) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / "weights"
    path.write_bytes(pack({"state_dict": random_generator().state_dict(), "x": Trap(sprung)}))
    message = refused(path)
    assert not sprung.exists()
    assert "\n" not in message
    pickle.loads(plain_pickle(Trap(sprung)))
    assert sprung.exists(), "the trap works"


def test_a_safetensors_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"fc.weight": torch.zeros(3)}, tmp_path / "weights")
    assert "some other model" in refused(tmp_path / "weights")
