"""Prefetch: what an iterator yields, made by a thread of its own, so many before its use."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class End:
    """The last thing in the queue: the items ended, or failed with `error`."""

    error: BaseException | None = None


@contextmanager
def prefetch(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """The same items, at most `depth` of them waiting; what the iterable raises is raised here.

    After the block the thread has ended, so what the items were read from may be closed.
    """
    waiting: queue.Queue[T | End] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=fill, args=(waiting, items, stopped), name="prefetch")
    thread.start()
    try:
        yield drawn(waiting)
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
    finally:
        if isinstance(items, Generator):
            items.close()  # here, not whenever it is forgotten: what it writes to may be gone then


def drawn(waiting: queue.Queue[T | End]) -> Iterator[T]:
    while not isinstance(item := waiting.get(), End):
        yield item
    if item.error is not None:
        raise item.error
