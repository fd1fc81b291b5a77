"""A render gets its mouths from whichever device process it is led to, and is never fed wrongly."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import (
    judge,
    mesh,
    models_of,
    random_generator,
    sface,
    write_safetensors,
    yunet,
)

from lipsyncd.errors import DeviceMemoryFull
from lipsyncd.model.layouts import LAYOUTS
from lipsyncd.model.process import Process
from lipsyncd.model.residency import Models
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.render.models import Weights
from lipsyncd.render.mouths import Mouths, Outdated
from lipsyncd.render.orders import Orders

COUNT, BATCH = 10, 4  # crops that are asked for, and how many go to a device at once
CHANCE = np.random.default_rng(5)
CROPS = CHANCE.integers(0, 256, (COUNT, 96, 96, 3), np.uint8)
REFERENCES = CHANCE.integers(0, 256, (COUNT, 96, 96, 3), np.uint8)
WINDOWS = CHANCE.uniform(-4, 4, (COUNT, 80, 16)).astype(np.float32)


class Rig:
    """The daemon's end of a render, and device processes that are threads here."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        ours, theirs = socket.socketpair()
        self.daemon = stack.enter_context(Connection(ours))
        self.render = stack.enter_context(Connection(theirs))
        self._channels: list[socket.socket] = []
        self.orders: Orders | None = None

    def lead(self, models: Models) -> None:
        """Name a device to the render."""
        ours, theirs = socket.socketpair()
        Process(self.render, models)._attach(Connection(theirs))  # which hears nothing of it
        self._channels.append(theirs)
        with ours:
            self.daemon.send(Kind.REQUEST, {}, [ours.fileno()])
        if self.orders:  # until what came before has been heard, too
            self.daemon.send(Kind.REQUEST, {"part": None})
            self.orders._parts.get()

    def lose(self, number: int = -1) -> None:
        """The device that was named last, or as the so many-th, hangs up."""
        self._channels[number].shutdown(socket.SHUT_RDWR)

    def mouths(self, alive: Callable[[], None] = lambda: None) -> Mouths:
        self.orders = Orders(self.render, alive)
        self._stack.callback(self.orders.close)
        mouths = Mouths(self.orders, Weights(yunet(), mesh(), sface(), judge()), alive)
        self._stack.callback(mouths.close)
        return mouths


@pytest.fixture
def rig() -> Iterator[Rig]:
    with ExitStack() as stack:
        yield Rig(stack)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Models, Models]:
    """The models of two checkpoints."""
    folder = tmp_path_factory.mktemp("weights")
    other = random_generator()
    next(other.parameters()).data.mul_(2)
    paths = folder / "old.safetensors", folder / "new.safetensors"
    old, new = write_safetensors(paths[0], random_generator()), write_safetensors(paths[1], other)
    return models_of(old, BATCH), models_of(new, BATCH)


def made_by(one: Models | Mouths, lower: bool = True) -> np.ndarray:
    return one.mouths(CROPS, WINDOWS, lower, REFERENCES)


@pytest.mark.parametrize("lower", [True, False])
def test_mouths_over_a_channel_are_those_of_the_models_to_the_last_bit(
    rig: Rig, two: tuple[Models, Models], lower: bool
) -> None:
    rig.lead(two[0])
    mouths = rig.mouths()
    assert mouths.batch == BATCH
    np.testing.assert_array_equal(made_by(mouths, lower), made_by(two[0], lower))
    np.testing.assert_array_equal(made_by(mouths, lower), made_by(two[0], lower))


def test_crops_may_have_as_many_pixels_as_the_models_want(rig: Rig, tmp_path: Path) -> None:
    generator = random_generator(layout=LAYOUTS[1])
    models = models_of(write_safetensors(tmp_path / "wav2lip256.safetensors", generator), BATCH)
    crops = CHANCE.integers(0, 256, (BATCH, 256, 256, 3), np.uint8)
    rig.lead(models)
    mouths = rig.mouths()
    for lower, shape in ((False, (BATCH, 256, 256, 3)), (True, (BATCH, 128, 256, 3))):
        made = mouths.mouths(crops, WINDOWS[:BATCH], lower, crops)
        assert made.shape == shape
        np.testing.assert_array_equal(made, models.mouths(crops, WINDOWS[:BATCH], lower, crops))


def test_newer_models_are_taken_for_the_next_batch(rig: Rig, two: tuple[Models, Models]) -> None:
    old, new = two
    rig.lead(old)
    mouths = rig.mouths()
    np.testing.assert_array_equal(made_by(mouths), made_by(old))
    rig.lead(new)
    np.testing.assert_array_equal(made_by(mouths), made_by(new))
    assert not np.array_equal(made_by(new), made_by(old))


def test_models_that_are_fed_otherwise_are_not_taken(
    rig: Rig, two: tuple[Models, Models], tmp_path: Path
) -> None:
    other = models_of(write_safetensors(tmp_path / "other.safetensors", random_generator()), BATCH)
    other.conventions = replace(two[0].conventions, mel_offset_frames=3)
    rig.lead(two[0])
    mouths = rig.mouths()
    rig.lead(other)
    np.testing.assert_array_equal(made_by(mouths), made_by(two[0]))
    assert mouths.conventions == two[0].conventions


def test_a_device_that_is_lost_is_waited_for_and_asked_again(
    rig: Rig, two: tuple[Models, Models]
) -> None:
    rig.lead(two[0])
    mouths = rig.mouths()
    rig.lose()
    rig.lead(two[0])
    np.testing.assert_array_equal(made_by(mouths), made_by(two[0]))


def test_who_waits_for_a_device_gives_signs_of_life(
    rig: Rig, two: tuple[Models, Models], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.render.orders.SIGN_SECONDS", 0.01)
    enough, signs = threading.Event(), []

    def alive() -> None:
        signs.append(1)
        if len(signs) == 3:
            enough.set()

    waiting = threading.Thread(target=rig.mouths, args=[alive])
    waiting.start()
    enough.wait()
    rig.lead(two[0])
    waiting.join()


@pytest.mark.parametrize("is_lost_first", [True, False])
def test_a_render_begins_again_if_only_models_are_left_that_are_fed_otherwise(
    rig: Rig, two: tuple[Models, Models], tmp_path: Path, is_lost_first: bool
) -> None:
    other = models_of(write_safetensors(tmp_path / "other.safetensors", random_generator()), BATCH)
    other.conventions = replace(two[0].conventions, mel_offset_frames=3)
    rig.lead(two[0])
    mouths = rig.mouths()
    if is_lost_first:
        rig.lose()
        rig.lead(other)
    else:
        rig.lead(other)
        made_by(mouths)
        rig.lose(0)
    with pytest.raises(Outdated):
        made_by(mouths)


def test_a_device_without_memory_says_so(
    rig: Rig, two: tuple[Models, Models], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DeviceMemoryFull("Not even one crop fits.", "Free memory.")

    monkeypatch.setattr(two[1], "mouths", full)
    rig.lead(two[1])
    with pytest.raises(DeviceMemoryFull):
        made_by(rig.mouths())


@pytest.mark.parametrize("body", [{"rows": 0}, {"rows": BATCH + 1}, {"rows": "4"}, {}])
def test_a_device_hangs_up_on_who_asks_for_more_than_there_is_room_for(
    rig: Rig, two: tuple[Models, Models], body: dict[str, object]
) -> None:
    rig.lead(two[0])
    mouths = rig.mouths()
    mouths._channel._connection.send(Kind.REQUEST, body)
    assert mouths._channel._connection.receive() is None
