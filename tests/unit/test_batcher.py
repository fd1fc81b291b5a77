"""Jobs portion passes: each gets what it gets alone, to the last bit, and waits for no company."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from support.checkpoints import SHIPPED, random_generator, write_safetensors

from lipsyncd.errors import DeviceLost, DeviceMemoryFull
from lipsyncd.model.batcher import Batcher, Kind, Request
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.golden import golden_of
from lipsyncd.model.residency import Models

ROOM = 8

Requests = list[tuple[np.ndarray, np.ndarray, bool]]  # crops, windows, lower


class Device:
    """Doubles rows, as many at once as there is `room` for.

    While it is held, each pass comes to `passes` as a call that goes on once it is answered: with
    None, or with an error to raise.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self.sizes: list[int] = []
        self.made: list[list[int]] = []
        self.passes: SimpleQueue[SimpleQueue[BaseException | None]] = SimpleQueue()
        self.is_held = False
        self.batcher = Watched(self.run, lambda: self.room)

    def run(self, rows: Sequence[np.ndarray], _kind: Kind, size: int) -> np.ndarray:
        assert len(rows[0]) <= size
        if self.is_held:
            answer: SimpleQueue[BaseException | None] = SimpleQueue()
            self.passes.put(answer)
            if error := answer.get():
                raise error
        self.sizes.append(size)
        self.made.append(rows[0].tolist())
        return 2 * rows[0]


class Watched(Batcher):
    """Tells of each request that has come in."""

    def __init__(self, *how: Callable[..., object]) -> None:
        super().__init__(*how)
        self.entered = threading.Semaphore(0)

    def _enter(self, request: Request) -> None:
        super()._enter(request)
        self.entered.release()


class Held:
    """A device in its first pass, which is that of the row 0, and threads for who waits for it."""

    def __init__(self, device: Device, pool: ThreadPoolExecutor) -> None:
        self.device = device
        self._pool = pool
        self.first = self.ask(0, 1)
        self._pass = device.passes.get()

    def ask(
        self, start: int, count: int, lower: bool = True, urgent: bool = False
    ) -> Future[np.ndarray]:
        """These rows, waited for by a thread of its own; it waits when this returns."""
        rows = np.arange(start, start + count)
        asked = self._pool.submit(self.device.batcher.mouths, (rows,), lower, urgent)
        self.device.batcher.entered.acquire()
        return asked

    def end_pass(self, error: BaseException | None = None) -> None:
        """End the pass, with this error, and wait for the next one."""
        self._pass.put(error)
        self._pass = self.device.passes.get()

    def let_go(self, error: BaseException | None = None) -> None:
        """End this pass, with this error, and all that come."""
        self.device.is_held = False
        self._pass.put(error)
        while not self.device.passes.empty():
            self.device.passes.get().put(None)


@contextmanager
def held(device: Device) -> Iterator[Held]:
    device.is_held = True
    with ThreadPoolExecutor(16) as pool:
        waiting = Held(device, pool)
        try:
            yield waiting
        finally:
            waiting.let_go()


def doubled(asked: Future[np.ndarray]) -> list[int]:
    return [row // 2 for row in asked.result().tolist()]


# Who is in a pass


def test_who_comes_alone_is_served_at_once() -> None:
    device = Device()
    assert device.batcher.mouths((np.arange(3),), True).tolist() == [0, 2, 4]
    assert (device.made, device.sizes) == ([[0, 1, 2]], [ROOM])


def test_more_rows_than_there_is_room_are_several_passes() -> None:
    device = Device()
    assert device.batcher.mouths((np.arange(19),), True).tolist() == list(range(0, 38, 2))
    assert list(map(len, device.made)) == [8, 8, 3]


def test_all_who_wait_share_the_next_pass() -> None:
    with held(Device()) as waiting:
        asked = [waiting.ask(10 * number, 2) for number in (1, 2, 3)]
        waiting.let_go()
        assert list(map(doubled, asked)) == [[10, 11], [20, 21], [30, 31]]
    assert waiting.device.made == [[0], [10, 11, 20, 21, 30, 31]]


def test_a_request_is_split_where_that_fills_the_pass() -> None:
    with held(Device()) as waiting:
        asked = [waiting.ask(start, 5) for start in (10, 20, 30)]
        waiting.let_go()
        assert [doubled(each) for each in asked] == [[*range(at, at + 5)] for at in (10, 20, 30)]
    assert list(map(len, waiting.device.made)) == [1, 8, 7]
    assert waiting.device.made[1] == [*range(10, 15), *range(20, 23)]


def test_the_oldest_is_always_in_the_next_pass() -> None:
    with held(Device(room=4)) as waiting:
        asked = [waiting.ask(start, count) for start, count in ((10, 6), (20, 1), (30, 9))]
        waiting.let_go()
        [each.result() for each in asked]
    assert waiting.device.made[1:3] == [[10, 11, 12, 13], [14, 15, 20, 30]]


def test_rows_of_two_kinds_are_never_in_one_pass() -> None:
    with held(Device()) as waiting:
        asked = [waiting.ask(10 * at, 2, lower=at % 2 == 0) for at in (1, 2, 3, 4)]
        waiting.let_go()
        [each.result() for each in asked]
    assert waiting.device.made[1:] == [[10, 11, 30, 31], [20, 21, 40, 41]]


def test_what_is_urgent_is_next_and_in_a_pass_of_its_own_size() -> None:
    with held(Device()) as waiting:
        waiting.ask(10, 12)
        urgent = waiting.ask(90, 2, urgent=True)
        waiting.let_go()
        assert doubled(urgent) == [90, 91]
    assert waiting.device.made[1] == [90, 91]
    assert waiting.device.sizes[1:3] == [2, ROOM]


def test_who_got_everything_from_the_passes_of_others_is_free_while_the_next_one_runs() -> None:
    with held(Device()) as waiting:
        short, long = waiting.ask(10, 2), waiting.ask(20, 8)
        waiting.end_pass()
        waiting.end_pass()  # of both of 10 and six of 20
        assert doubled(short) == [10, 11]
        assert not long.done()
        waiting.let_go()
        assert len(doubled(long)) == 8


def test_no_room_is_left_empty_while_somebody_waits() -> None:
    """Four clips of 13 frames, a batch of 8 of each at a time: 8 passes one by one."""
    with held(Device()) as waiting:
        clips = [waiting.ask(at, count) for count in (8, 5) for at in (100, 200, 300, 400)]
        waiting.let_go()
        [each.result() for each in clips]
    assert list(map(len, waiting.device.made)) == [1, 8, 8, 8, 8, 8, 8, 4]


# When something goes wrong


def test_a_lost_device_is_lost_to_everyone_who_waits_and_to_nobody_else() -> None:
    lost = DeviceLost("The device fell off the bus.", "Put it back.")
    with held(Device()) as waiting:
        others = [waiting.ask(10, 2), waiting.ask(20, 2, lower=False), waiting.ask(30, 19)]
        waiting.let_go(lost)
        assert all(each.exception() is lost for each in (waiting.first, *others))
    assert waiting.device.made == []
    assert waiting.device.batcher.mouths((np.arange(2),), True).tolist() == [0, 2]


def test_any_other_error_of_a_pass_is_that_of_who_is_in_it() -> None:
    with held(Device()) as waiting:
        asked = waiting.ask(10, 2)
        waiting.let_go(ValueError("no such shape"))
        assert isinstance(waiting.first.exception(), ValueError)
        assert doubled(asked) == [10, 11]


def test_who_is_interrupted_in_a_pass_leaves_it_to_the_others() -> None:
    with held(Device()) as waiting:
        asked = [waiting.ask(10, 2), waiting.ask(20, 2)]
        waiting.let_go(KeyboardInterrupt())
        assert isinstance(waiting.first.exception(), KeyboardInterrupt)
        assert list(map(doubled, asked)) == [[10, 11], [20, 21]]
    assert waiting.device.made == [[10, 11, 20, 21]]


def test_who_is_interrupted_in_waiting_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(_predicate: Callable[[], bool]) -> None:
        raise KeyboardInterrupt

    with held(Device()) as waiting:
        behind = waiting.ask(10, 2)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(waiting.device.batcher._changed, "wait_for", interrupted)
            waiting.device.batcher.mouths((np.arange(3),), True)
        waiting.let_go()
        assert doubled(behind) == [10, 11]
    assert waiting.device.made == [[0], [10, 11]]


# With a generator


class Residence:
    """Models of a checkpoint, whose passes are counted and may be given too little memory."""

    def __init__(self, path: Path, batch: int) -> None:
        checkpoint = load_checkpoint(path, lambda _: None)
        golden = golden_of(checkpoint, path.parent / "golden", lambda _: None)
        self.models = Models(checkpoint, golden, torch.device("cpu"), batch)
        self.sizes: list[int] = []
        self.most = 1000  # rows that there is memory for
        checkpoint.generator.audio_encoder.register_forward_pre_hook(self._count)

    def _count(self, _encoder: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > self.most:
            raise torch.OutOfMemoryError("as on a GPU")
        self.sizes.append(len(inputs[0]))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    return write_safetensors(folder / "random.safetensors", random_generator())


def inputs_of(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    crops = chance.integers(0, 256, (count, 96, 96, 3), np.uint8)
    return crops, chance.uniform(-4, 4, (count, 80, 16)).astype(np.float32)


def requests_of(chance: random.Random, job: int) -> Requests:
    """What one job asks for, one after the other."""
    counts = [chance.randint(1, 9) for _ in range(6)]
    return [
        (*inputs_of(count, 10 * job + number), chance.random() < 0.7)
        for number, count in enumerate(counts)
    ]


@contextmanager
def threads_of_torch(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def test_many_jobs_get_to_the_last_bit_what_each_gets_alone(weights: Path) -> None:
    chance = random.Random(8)
    residence = Residence(weights, 5)
    jobs = [requests_of(chance, job) for job in range(8)]
    alone = [[residence.models.mouths(*asked) for asked in job] for job in jobs]
    needed, start = len(residence.sizes), threading.Barrier(len(jobs))

    def together(job: Requests) -> list[np.ndarray]:
        start.wait()
        return [residence.models.mouths(*asked) for asked in job]

    with ThreadPoolExecutor(len(jobs)) as pool:
        for found, wanted in zip(pool.map(together, jobs), alone, strict=True):
            assert all(map(np.array_equal, found, wanted))
    shared = len(residence.sizes) - needed
    print(f"\n  {needed} passes one by one, {shared} together")
    assert shared < needed
    assert set(residence.sizes) == {5}


@pytest.mark.parametrize("threads", [1, 3])  # 3: as many as there are cores wait by spinning
@pytest.mark.parametrize("batch, lower", [(8, True), (8, False), (3, True)])
def test_a_mouth_is_the_same_at_every_place_in_any_company_and_however_many_threads_there_are(
    tmp_path: Path, batch: int, lower: bool, threads: int
) -> None:
    """Of the shipped network: the routines that compute it depend on its size."""
    (tmp_path / SHIPPED.name).symlink_to(SHIPPED)
    models = Residence(tmp_path / SHIPPED.name, batch).models
    crops, windows = inputs_of(batch, 1)
    with threads_of_torch(threads):
        together = models.mouths(crops, windows, lower)
        for place in range(1, batch):
            turned = models.mouths(np.roll(crops, place, 0), np.roll(windows, place, 0), lower)
            np.testing.assert_array_equal(np.roll(turned, -place, 0), together)
        for count in (1, batch // 2):
            few = models.mouths(crops[:count], windows[:count], lower)
            np.testing.assert_array_equal(few, together[:count])


def test_too_little_memory_halves_the_batch_for_all_and_nobody_loses_a_mouth(
    weights: Path,
) -> None:
    residence = Residence(weights, 8)
    inputs = inputs_of(8, 3)
    wanted = residence.models.mouths(*inputs, True)
    residence.most = 3
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: residence.models.mouths(*inputs, True), range(4)):
            np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert residence.models.batch == residence.models.describe()["batch"] == 2
    assert set(residence.sizes[1:]) == {2}
    residence.models.prove()


def test_no_memory_at_all_fails_who_is_in_the_pass_and_not_the_daemon(weights: Path) -> None:
    residence = Residence(weights, 2)
    residence.most = 0
    with pytest.raises(DeviceMemoryFull):
        residence.models.mouths(*inputs_of(3, 1), True)
    residence.most = 1
    assert len(residence.models.mouths(*inputs_of(3, 1), True)) == 3


def test_a_warm_pass_between_jobs_is_right(weights: Path) -> None:
    residence = Residence(weights, 4)
    stop = threading.Event()

    def job(seed: int) -> None:
        while not stop.is_set():
            residence.models.mouths(*inputs_of(3, seed), True)

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(job, seed) for seed in range(3)]
        for _ in range(20):
            residence.models.prove()
        stop.set()
        for each in jobs:
            each.result()
