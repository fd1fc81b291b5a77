"""Prefetch: what an iterator yields, made by a thread of its own, so many before its use."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

PULSE_SECONDS = 1.0


@dataclass(frozen=True)
class End:
    """The last thing in the queue: the items ended, or failed with `error`."""

    error: BaseException | None = None


class Pulse:
    """Beaten by those who make something, so that whoever waits for it knows that they work."""

    def __init__(self) -> None:
        self._beaten = False

    def beat(self) -> None:
        self._beaten = True

    def felt(self) -> bool:
        """Whether it was beaten since it was last felt."""
        beaten, self._beaten = self._beaten, False
        return beaten


@contextmanager
def prefetch(items: Iterable[T], depth: int, pulse: Pulse | None = None) -> Iterator[Iterator[T]]:
    """The same items, at most `depth` of them waiting; what the iterable raises is raised here.

    With a `pulse` None comes now and then while there is no item but the pulse is felt.
    After the block the thread has ended, so what the items were read from may be closed.
    """
    waiting: queue.Queue[T | End] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=fill, args=(waiting, items, stopped), name="prefetch")
    thread.start()
    try:
        yield drawn(waiting, pulse)
    finally:
        stopped.set()
        while thread.is_alive():  # it may be waiting for room
            try:
                waiting.get(timeout=0.05)
            except queue.Empty:
                continue
        thread.join()


def fill(waiting: queue.Queue[T | End], items: Iterable[T], stopped: threading.Event) -> None:
    try:
        for item in items:
            waiting.put(item)
            if stopped.is_set():
                return
        waiting.put(End())
    except BaseException as error:  # raised again where the items are used
        waiting.put(End(error))


def drawn(waiting: queue.Queue[T | End], pulse: Pulse | None) -> Iterator[T | None]:
    while not isinstance(item := next_of(waiting, pulse), End):
        yield item
    if item.error is not None:
        raise item.error


def next_of(waiting: queue.Queue[T | End], pulse: Pulse | None) -> T | End | None:
    while True:
        try:
            return waiting.get(timeout=PULSE_SECONDS if pulse else None)
        except queue.Empty:
            if pulse.felt():
                return None
