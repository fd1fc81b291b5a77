"""A reload puts other models in the place of the old ones, and no job is fed wrongly for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made import models_of, random_generator, write_safetensors

from lipsyncd.model.residency import Models
from lipsyncd.model.serving import Serving

CROPS = np.full((1, 96, 96, 3), 90, np.uint8)
WINDOWS = np.zeros((1, 80, 16), np.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Models, Models]:
    """The models of two checkpoints."""
    folder = tmp_path_factory.mktemp("weights")
    old = write_safetensors(folder / "old.safetensors", random_generator())
    new = random_generator()
    next(new.parameters()).data.mul_(2)
    return models_of(old), models_of(write_safetensors(folder / "new.safetensors", new))


def mouths(models: Models) -> np.ndarray:
    return models.mouths(CROPS, WINDOWS, lower=True)


def test_a_running_job_takes_the_new_models_for_its_next_batch(
    models: tuple[Models, Models],
) -> None:
    old, new = models
    serving = Serving(old)
    job = serving.for_job()
    np.testing.assert_array_equal(job.mouths(CROPS, WINDOWS, lower=True), mouths(old))
    serving.replace(new)
    np.testing.assert_array_equal(job.mouths(CROPS, WINDOWS, lower=True), mouths(new))
    assert not np.array_equal(mouths(old), mouths(new))


def test_a_running_job_keeps_the_old_models_where_the_new_are_fed_otherwise(
    models: tuple[Models, Models], tmp_path: Path
) -> None:
    old, _ = models
    other = models_of(write_safetensors(tmp_path / "other.safetensors", random_generator()))
    other.conventions = replace(old.conventions, mel_offset_frames=3)
    serving = Serving(old)
    job = serving.for_job()
    serving.replace(other)
    np.testing.assert_array_equal(job.mouths(CROPS, WINDOWS, lower=True), mouths(old))
    assert job.conventions == old.conventions
    assert serving.for_job().conventions.mel_offset_frames == 3
