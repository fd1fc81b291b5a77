"""What a job that has succeeded has left: its result and, while there is room, its inputs."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lipsyncd.errors import NoResult
from lipsyncd.queue.contents import RESULT, WORK
from lipsyncd.system.disk import disk_named

READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def open_result(folder: Path) -> int:
    """A descriptor of the result that cannot be written through; the caller's to close.

    Raises NoResult, StorageError.
    """
    try:
        with disk_named():
            return os.open(folder / RESULT, READING)
    except FileNotFoundError:
        raise NoResult(
            "The result was removed when its time was over.", "Submit the job again."
        ) from None


@contextmanager
def left_in(folder: Path, inputs: Sequence[str]) -> Iterator[list[int]]:
    """Descriptors of the inputs, of the work and of the result, to be read in the block; of the
    result alone where one of the others is no longer there.

    Raises NoResult, StorageError.
    """
    with ExitStack() as stack:
        result = open_result(folder)
        stack.callback(os.close, result)
        opened: list[int] = []
        with disk_named(), suppress(FileNotFoundError):
            for name in (*inputs, WORK):
                opened.append(os.open(folder / name, READING))
                stack.callback(os.close, opened[-1])
        is_whole = len(opened) > len(inputs)
        yield [*(opened if is_whole else []), result]
