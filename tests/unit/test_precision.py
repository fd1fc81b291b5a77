"""The generator computes with what suits a device, or with bfloat16 where the processor has it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import (
    SHIPPED,
    models_of,
    random_generator,
    write_safetensors,
)

from lipsyncd.errors import DeviceUnavailable, WarmUpFailed
from lipsyncd.model import precision
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.golden import golden_of
from lipsyncd.model.precision import has_bfloat16, precision_of
from lipsyncd.model.residency import Models, Wanted, load_models

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
BATCH = 4
with_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="this processor has no bfloat16")


@pytest.fixture(scope="module")
def inputs() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    crops = random.integers(0, 256, (BATCH, 96, 96, 3), np.uint8)
    return crops, random.uniform(-4, 4, (BATCH, 80, 16)).astype(np.float32)


def test_a_device_has_the_precision_that_suits_it_unless_another_is_chosen() -> None:
    assert precision_of(CPU) is torch.float32
    assert precision_of(CUDA) is torch.float16
    assert precision_of(CUDA, "fp32") is torch.float32
    assert precision_of(CUDA, "bf16") is torch.bfloat16


def test_bfloat16_is_refused_by_name_where_the_processor_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t\t: fpu avx512f avx512_vnni\n")
    monkeypatch.setattr(precision, "has_bfloat16", lambda: has_bfloat16(cpuinfo))
    wanted = Wanted("cpu", tmp_path / "not read", 0, tmp_path, precision="bf16")
    with pytest.raises(DeviceUnavailable, match='precision = "bf16"') as caught:
        load_models(wanted, lambda _: None)
    assert 'precision = "auto"' in caught.value.hint


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_says_that_it_has_bfloat16(tmp_path: Path, flag: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flag} sse\n")
    assert has_bfloat16(cpuinfo)


@with_bfloat16
def test_the_shipped_weights_give_nearly_the_same_mouths_in_bfloat16(
    tmp_path: Path, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    wanted = Wanted("cpu", SHIPPED, BATCH, tmp_path, precision="bf16")
    models = load_models(wanted, lambda _: None)
    assert models.describe()["precision"] == "bfloat16"
    apart = np.abs(models.mouths(*inputs, lower=True) - whole(tmp_path).mouths(*inputs, lower=True))
    assert 0 < apart.mean() < 0.5
    assert models.fingerprint != whole(tmp_path).fingerprint


def whole(cache: Path) -> Models:
    """The shipped weights in float32."""
    return load_models(Wanted("cpu", SHIPPED, BATCH, cache), lambda _: None)


@with_bfloat16
def test_a_checkpoint_that_bfloat16_changes_is_refused(tmp_path: Path) -> None:
    """Random weights make much of little."""
    weights = write_safetensors(tmp_path / "random.safetensors", random_generator(seed=7))
    wanted = Wanted("cpu", weights, BATCH, tmp_path, precision="bf16")
    with pytest.raises(WarmUpFailed, match=r"random.safetensors .* cpu in bfloat16 .*off by"):
        load_models(wanted, lambda _: None)
    models_of(weights).check()


@with_bfloat16
@pytest.mark.parametrize("lower", [False, True], ids=["whole", "lower"])
def test_a_mouth_in_bfloat16_does_not_depend_on_its_neighbours(
    tmp_path: Path, inputs: tuple[np.ndarray, np.ndarray], lower: bool
) -> None:
    checkpoint = load_checkpoint(SHIPPED, lambda _: None)
    golden = golden_of(checkpoint, tmp_path, lambda _: None)
    models = Models(checkpoint, golden, CPU, BATCH, precision=torch.bfloat16)
    crops, windows = inputs
    together = models.mouths(crops, windows, lower)
    for place in range(BATCH):
        alone = models.mouths(crops[place : place + 1], windows[place : place + 1], lower)
        np.testing.assert_array_equal(alone[0], together[place])
