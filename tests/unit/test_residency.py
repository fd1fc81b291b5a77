"""A resident generator makes each mouth from its own crop and window, in any company."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import SHIPPED, models_of, random_generator, write_safetensors

from lipsyncd.errors import CheckpointMissing, DeviceLost, DeviceUnavailable
from lipsyncd.model.batch import batch_of
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.golden import golden_of
from lipsyncd.model.residency import Models, Wanted, load_models

BATCH = 5
every_half = pytest.mark.parametrize("lower", [False, True], ids=["whole", "lower"])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    return write_safetensors(folder / "random.safetensors", random_generator())


@pytest.fixture(scope="module")
def models(weights: Path) -> Models:
    return models_of(weights, BATCH)


@pytest.fixture(scope="module")
def inputs() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    crops = random.integers(0, 256, (BATCH, 96, 96, 3), np.uint8)
    return crops, random.uniform(-4, 4, (BATCH, 80, 16)).astype(np.float32)


@every_half
def test_a_mouth_does_not_depend_on_its_neighbours(
    models: Models, inputs: tuple[np.ndarray, np.ndarray], lower: bool
) -> None:
    """To the last bit: alone, among others, and at any place."""
    crops, windows = inputs
    together = models.mouths(crops, windows, lower)
    assert together.shape == (BATCH, 48 if lower else 96, 96, 3)
    assert together.dtype == np.float32
    for place in range(BATCH):
        alone = models.mouths(crops[place : place + 1], windows[place : place + 1], lower)
        np.testing.assert_array_equal(alone[0], together[place])
    np.testing.assert_array_equal(
        models.mouths(crops[::-1].copy(), windows[::-1].copy(), lower), together[::-1]
    )


@every_half
@pytest.mark.parametrize("count", range(1, BATCH + 1))
def test_any_count_up_to_a_batch_is_rendered(
    models: Models, inputs: tuple[np.ndarray, np.ndarray], lower: bool, count: int
) -> None:
    crops, windows = inputs
    found = models.mouths(crops[:count], windows[:count], lower)
    np.testing.assert_array_equal(found, models.mouths(crops, windows, lower)[:count])


def test_more_than_a_batch_is_rendered_in_several(
    models: Models, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    crops, windows = (np.concatenate([values] * 3)[:12] for values in inputs)
    found = models.mouths(crops, windows, lower=True)
    assert len(found) == 12
    np.testing.assert_array_equal(found[:5], found[5:10])
    np.testing.assert_array_equal(found[:2], found[10:])


def test_the_lower_half_is_that_of_the_whole(
    models: Models, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    whole, lower = (models.mouths(*inputs, lower=half) for half in (False, True))
    np.testing.assert_allclose(lower, whole[:, 48:], atol=1e-3)


def test_mouths_are_colours_from_0_to_255(
    models: Models, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    mouths = models.mouths(*inputs, lower=False)
    assert 0 <= mouths.min() < mouths.max() <= 255
    assert mouths.std() > 3


def test_blue_comes_out_where_blue_went_in(
    models: Models, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    """Against the network itself, fed by hand: masked crop first, in the order of the crop."""
    crops, windows = inputs
    faces = torch.from_numpy(crops).permute(0, 3, 1, 2) / 255
    masked = faces.clone()
    masked[:, :, 48:] = 0
    with torch.inference_mode():
        made = random_generator()(
            torch.from_numpy(windows)[:, None], torch.cat((masked, faces), dim=1)
        )
    expected = 255 * made.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(models.mouths(crops, windows, False), expected, atol=0.05)


def test_what_is_rendered_is_not_written_to(
    models: Models, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    copies = [values.copy() for values in inputs]
    models.mouths(*inputs, lower=False)
    for values, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(values, copy)


# Loading


def wanted(checkpoint: Path, device: str = "cpu") -> Wanted:
    return Wanted(device, checkpoint, 0, checkpoint.parent / "cache")


def test_loading_says_what_it_does_and_describes_what_it_loaded(
    weights: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    models = load_models(wanted(weights), said.append)
    assert any(weights.name in text for text in said)
    described = models.describe()
    assert described["device"] == "cpu"
    assert described["precision"] == "float32"
    assert described["checkpoint"] == weights.name
    assert described["checkpoint_width"] == 1 / 64
    assert described["batch"] == models.batch == 8
    assert described["fallback"] == ""


def test_a_batch_that_is_chosen_is_taken_and_else_one_that_suits_the_device() -> None:
    assert [batch_of(chosen, "cpu") for chosen in (0, 3)] == [8, 3]
    assert [batch_of(chosen, "cuda") for chosen in (0, 3)] == [64, 3]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_loading_onto_a_missing_gpu_fails_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailable):
        load_models(wanted(tmp_path / "nowhere", "cuda"), lambda _: None)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match="nowhere"):
        load_models(wanted(tmp_path / "nowhere"), lambda _: None)


def test_the_shipped_checkpoint_passes_its_own_proof(tmp_path: Path) -> None:
    path = tmp_path / SHIPPED.name
    path.symlink_to(SHIPPED)
    models = models_of(path, 2)
    models.check()
    models.prove()


def test_a_bit_that_flips_in_memory_is_noticed(weights: Path) -> None:
    """The warm pass compares with the golden output; the checksum shows it, too."""
    checkpoint = load_checkpoint(weights, lambda _: None)
    golden = golden_of(checkpoint, weights.parent, lambda _: None)
    models = Models(checkpoint, golden, torch.device("cpu"), 2)
    models.prove()
    before = models.describe()["weights_checksum"]
    with torch.inference_mode():
        checkpoint.generator.output_block[1].weight[0, 0] *= -4
    with pytest.raises(DeviceLost):
        models.prove()
    assert models.describe()["weights_checksum"] != before


def test_passes_for_jobs_are_counted_with_their_rows_and_room_and_proofs_are_not(
    weights: Path,
) -> None:
    models = models_of(weights, 4)
    models.check()
    before = models.describe()["passes"]
    models.prove()
    assert models.describe()["passes"] == before
    crops, windows = np.zeros((3, 96, 96, 3), np.uint8), np.zeros((3, 80, 16), np.float32)
    models.mouths(crops, windows, lower=True)
    made = models.passes
    assert (made.count - before["count"], made.rows - before["rows"]) == (1, 3)
    assert made.room - before["room"] == 4
    assert made.seconds > before["seconds"]


def test_a_mouth_takes_after_its_reference(
    models: Models, inputs: tuple[np.ndarray, np.ndarray]
) -> None:
    crops, windows = inputs
    own = models.mouths(crops, windows, lower=True)
    np.testing.assert_array_equal(models.mouths(crops, windows, True, crops), own)
    taken = models.mouths(crops, windows, True, crops[::-1].copy())
    assert np.abs(taken - own).max() > 1
    middle = BATCH // 2  # its reference is its own
    np.testing.assert_array_equal(taken[middle], own[middle])
