"""On a real GPU a pass comes out as on the CPU, and memory that runs out costs only pace."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import SHIPPED

from lipsyncd.errors import DeviceMemoryFull
from lipsyncd.model.precision import TOLERANCE
from lipsyncd.model.residency import Models, Wanted, load_models

pytestmark = pytest.mark.gpu

CLOSE = 1.0  # of 255: float16 rounds otherwise at another size
GIB, LEAST = 1 << 30, 2 << 20  # bytes of a block that is taken
Inputs = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def loaded(gpu: torch.device, tmp_path_factory: pytest.TempPathFactory) -> Models:
    cache = tmp_path_factory.mktemp("cache")
    return load_models(Wanted(str(gpu), SHIPPED, 0, cache), lambda _: None)


@pytest.fixture
def models(loaded: Models) -> Models:
    """The models, with the batch that suits a GPU."""
    assert loaded.batch == 64
    return loaded


def inputs(count: int, seed: int = 3) -> Inputs:
    chance = np.random.default_rng(seed)
    crops = chance.integers(0, 256, (count, 96, 96, 3), np.uint8)
    return crops, chance.uniform(-4, 4, (count, 80, 16)).astype(np.float32)


@contextmanager
def filled(gpu: torch.device, room: int) -> Iterator[None]:
    """All memory of the GPU is taken but for `room` bytes."""
    torch.cuda.synchronize(gpu)
    torch.cuda.empty_cache()
    taken, size = [], GIB
    while size >= LEAST:
        try:
            if torch.cuda.mem_get_info(gpu)[0] < room + size:
                raise torch.OutOfMemoryError
            taken.append(torch.empty(size, dtype=torch.uint8, device=gpu))
        except torch.OutOfMemoryError:
            size //= 2
    try:
        yield
    finally:
        taken.clear()
        torch.cuda.empty_cache()


def needed(gpu: torch.device, work: Callable[[], object]) -> int:
    """How many bytes are allocated in the course of some work."""
    torch.cuda.reset_peak_memory_stats(gpu)
    before = torch.cuda.memory_allocated(gpu)
    work()
    return torch.cuda.max_memory_allocated(gpu) - before


def test_the_golden_output_comes_out_in_float16_at_every_shape_of_serving(models: Models) -> None:
    for lower, urgent in ((True, False), (False, False), (False, True)):
        error = models._error(lower, urgent)
        print(f"\n  off by {error:.3f} of 255")
        assert error <= TOLERANCE[torch.float16]


def test_two_jobs_that_share_passes_get_what_each_gets_alone(models: Models) -> None:
    jobs = [inputs(200, seed) for seed in (1, 2)]
    alone = [models.mouths(*job, lower=True) for job in jobs]
    with ThreadPoolExecutor(2) as pool:
        together = pool.map(lambda job: models.mouths(*job, lower=True), jobs)
        for found, wanted in zip(together, alone, strict=True):
            np.testing.assert_allclose(found, wanted, atol=CLOSE)


def test_memory_that_runs_out_halves_the_batch_which_grows_back(
    models: Models, gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = inputs(64)
    wanted = models.mouths(*asked, lower=True)
    most = needed(gpu, lambda: models.mouths(*asked, lower=True))
    with filled(gpu, most // 2):
        found = models.mouths(*asked, lower=True)
        print(f"\n  {most >> 20} MiB for 64 rows; with half of it, passes of {models.batch}")
        assert models.batch < 64
    np.testing.assert_allclose(found, wanted, atol=CLOSE)
    monkeypatch.setattr("lipsyncd.model.batch.PASSES", 1)
    while models.batch < 64:
        before = models.batch
        models.mouths(*inputs(1), lower=True)
        assert models.batch > before
    np.testing.assert_allclose(models.mouths(*asked, lower=True), wanted, atol=CLOSE)


def test_a_warm_pass_on_a_full_gpu_is_no_lost_device(models: Models, gpu: torch.device) -> None:
    with filled(gpu, 0):
        models.prove()
    assert models.batch == 64
    models.prove()


def test_models_for_which_there_is_no_memory_are_refused_by_name(
    gpu: torch.device, tmp_path: Path
) -> None:
    wanted = Wanted(str(gpu), SHIPPED, 0, tmp_path)
    with filled(gpu, 0), pytest.raises(DeviceMemoryFull):
        load_models(wanted, lambda _: None)
