"""What a generator has seen of faces is not computed again while passes show it the same ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import models_of, random_generator, write_safetensors

from lipsyncd.model import looks
from lipsyncd.model.generator import Generator
from lipsyncd.model.looks import Looks

BATCH = 2


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    return write_safetensors(folder / "random.safetensors", random_generator())


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """All crops that a generator looks at from now on."""
    shown: list[torch.Tensor] = []
    look = Generator.look

    def noted(generator: Generator, crops: torch.Tensor) -> list[torch.Tensor]:
        shown.append(crops)
        return look(generator, crops)

    monkeypatch.setattr(Generator, "look", noted)
    return shown


def faces(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (BATCH, 96, 96, 3), np.uint8)


def windows(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-4, 4, (BATCH, 80, 16)).astype(np.float32)


@pytest.mark.parametrize("lower", [False, True], ids=["whole", "lower"])
def test_the_same_faces_say_something_else_as_if_they_were_looked_at_anew(
    weights: Path, looked: list[torch.Tensor], lower: bool
) -> None:
    models = models_of(weights, BATCH)
    looked.clear()  # at what proves it
    said = [models.mouths(faces(1).copy(), windows(seed), lower) for seed in (1, 2)]
    assert len(looked) == 1
    for seed, mouths in zip((1, 2), said, strict=True):
        fresh = models_of(weights, BATCH).mouths(faces(1), windows(seed), lower)
        np.testing.assert_array_equal(mouths, fresh)


def test_a_face_that_differs_in_one_sample_is_looked_at(
    weights: Path, looked: list[torch.Tensor]
) -> None:
    models, other = models_of(weights, BATCH), faces(1)
    looked.clear()
    other[-1, -1, -1, -1] ^= 1
    for crops, references in ((faces(1), faces(1)), (faces(1), other), (other, other)):
        models.mouths(crops, windows(1), True, references)
    assert len(looked) == 3


def test_each_proof_is_one_of_all_layers(weights: Path, looked: list[torch.Tensor]) -> None:
    models = models_of(weights, BATCH)
    looked.clear()
    for _ in range(2):
        models.prove()
    assert len(looked) == 2


def test_the_faces_of_the_last_passes_are_kept() -> None:
    shown: list[int] = []

    def look(rows: object) -> list[torch.Tensor]:
        shown.append(int(rows[0][0]))  # type: ignore[index]
        return [torch.zeros(1)]

    known, most = Looks(look), looks.KEPT
    for number in [*range(most), *range(most), most, *range(1, most + 1), 0]:
        known.at([np.array([number])])
    assert shown == [*range(most), most, 0]
    known.forget()
    known.at([np.array([0])])
    assert shown[-2:] == [0, 0]
