"""A reload puts other models in the place of the old ones, and no job is fed wrongly for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import models_of, random_generator, write_safetensors, yunet

from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.current import CurrentModels
from lipsyncd.model.golden import golden_of
from lipsyncd.model.residency import Models

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
    current = CurrentModels(old)
    job = current.for_job()
    np.testing.assert_array_equal(job.mouths(CROPS, WINDOWS, lower=True), mouths(old))
    current.replace(new)
    np.testing.assert_array_equal(job.mouths(CROPS, WINDOWS, lower=True), mouths(new))
    assert not np.array_equal(mouths(old), mouths(new))


def test_a_running_job_keeps_the_old_models_where_the_new_are_fed_otherwise(
    models: tuple[Models, Models], tmp_path: Path
) -> None:
    old, _ = models
    other = models_of(write_safetensors(tmp_path / "other.safetensors", random_generator()))
    other.conventions = replace(old.conventions, mel_offset_frames=3)
    current = CurrentModels(old)
    job = current.for_job()
    current.replace(other)
    np.testing.assert_array_equal(job.mouths(CROPS, WINDOWS, lower=True), mouths(old))
    assert job.conventions == old.conventions
    assert current.for_job().conventions.mel_offset_frames == 3


def test_new_models_do_not_wait_for_the_old_ones(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "old.safetensors", random_generator())
    checkpoint = load_checkpoint(path, lambda _: None)
    golden = golden_of(checkpoint, tmp_path, lambda _: None)
    old = Models(checkpoint, golden, yunet(), torch.device("cpu"), 4)
    reached, go_on = threading.Event(), threading.Event()

    def hold(_generator: torch.nn.Module, _inputs: tuple[torch.Tensor, ...]) -> None:
        reached.set()
        go_on.wait()

    checkpoint.generator.register_forward_pre_hook(hold)
    current = CurrentModels(old)
    first, second = current.for_job(), current.for_job()
    with ThreadPoolExecutor() as pool:
        made_before = pool.submit(first.mouths, CROPS, WINDOWS, True)
        reached.wait()
        current.replace(models_of(path))
        made = second.mouths(CROPS, WINDOWS, lower=True)
        assert not made_before.done()
        go_on.set()
        np.testing.assert_array_equal(made_before.result(), made)
