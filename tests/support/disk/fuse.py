"""A mount of one file whose server answers as it likes; it speaks with the kernel itself."""

import ctypes
import os
import select
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from queue import SimpleQueue

import pytest

DEVICE = Path("/dev/fuse")
IN, OUT = struct.Struct("=IIQQIIIHH"), struct.Struct("=IiQ")  # the headers of both directions
ROOT, FILE = 1, 2  # the two nodes
WRITEBACK_CACHE = 1 << 16  # of INIT: what is written stays dirty in the kernel for a while
FOR_LONG = 3600  # seconds that the kernel may remember what it was told
MOST_READ, MOST_WRITE = 1 << 20, 1 << 17
ENOSYS = 38
MNT_DETACH = 2
PAGE = 4096

libc = ctypes.CDLL(None, use_errno=True)


class Ask(IntEnum):
    """What the kernel asks for, as linux/fuse.h has it."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    OPEN = 14
    READ = 15
    WRITE = 16
    RELEASE = 18
    FLUSH = 25
    INIT = 26


SILENT = {Ask.FORGET, 42}  # and BATCH_FORGET: there is no answer to them


class Mount:
    """A mounted file, and its server in a thread.

    `never` is not answered, except to the thread that made it; `asked` gets what nobody answers.
    """

    def __init__(self, place: Path, never: Ask, size: int, flags: int) -> None:
        self.file = place / "file"
        self.asked: SimpleQueue[Ask] = SimpleQueue()
        self._never, self._size, self._flags = never, size, flags
        self._device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"test", bytes(place), b"fuse", 0, options):
            os.close(self._device)
            pytest.skip(f"no FUSE file system can be mounted: {os.strerror(ctypes.get_errno())}")
        self._place = place
        self._files: list[int] = []
        self._own = threading.get_native_id()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def open(self) -> int:
        """Its file, open for reading and writing; the caller's to close."""
        return os.open(self.file, os.O_RDWR | os.O_CLOEXEC)

    def dirty(self) -> None:
        """Write something that the kernel has yet to bring to the server."""
        self._files.append(self.open())
        os.pwrite(self._files[-1], b"dirt", 0)

    def leave(self) -> None:
        """The server is gone, and whoever waited for it gets an error; once more does nothing."""
        if not self._thread.is_alive():
            return
        os.eventfd_write(self._end, 1)
        self._thread.join()
        os.close(self._device)
        os.close(self._end)
        for descriptor in self._files:
            with suppress(OSError):
                os.close(descriptor)
        libc.umount2(bytes(self._place), MNT_DETACH)

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._device, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while self._end not in dict(poll.poll()):
            with suppress(BlockingIOError):
                self._answer(os.read(self._device, MOST_READ))

    def _answer(self, request: bytes) -> None:
        _, asked, number, node, _, _, thread, *_ = IN.unpack_from(request)
        if asked == self._never and thread != self._own:
            return self.asked.put(Ask(asked))
        if asked not in SILENT:
            answers = {
                Ask.INIT: self._init,
                Ask.LOOKUP: self._looked_up,
                Ask.GETATTR: self._attributes,
                Ask.SETATTR: self._attributes,
                Ask.OPEN: lambda *_: struct.pack("=QII", 1, 0, 0),
                Ask.READ: self._read,
                Ask.WRITE: lambda _, body: struct.pack(
                    "=II", struct.unpack_from("=I", body, 16)[0], 0
                ),
                Ask.FLUSH: lambda *_: b"",
                Ask.RELEASE: lambda *_: b"",
            }
            answer = answers.get(asked)
            found = answer(node, request[IN.size :]) if answer else b""
            head = OUT.pack(OUT.size + len(found), 0 if answer else -ENOSYS, number)
            os.write(self._device, head + found)
        return None

    def _init(self, _node: int, body: bytes) -> bytes:
        *_, ahead, offered = struct.unpack_from("=IIII", body)
        flags = self._flags & offered
        return struct.pack(
            "=IIIIHHIIHHI7I", 7, 31, ahead, flags, 12, 10, MOST_WRITE, 1, 0, 0, 0, *[0] * 7
        )

    def _looked_up(self, _node: int, _body: bytes) -> bytes:
        return struct.pack("=QQQQII", FILE, 0, FOR_LONG, FOR_LONG, 0, 0) + self._stat(FILE)

    def _attributes(self, node: int, _body: bytes) -> bytes:
        return struct.pack("=QII", FOR_LONG, 0, 0) + self._stat(node)

    def _stat(self, node: int) -> bytes:
        mode, size = (0o40755, 0) if node == ROOT else (0o100666, self._size)
        return struct.pack("=6Q10I", node, size, 1, *[0] * 6, mode, 1, *[0] * 3, PAGE, 0)

    def _read(self, _node: int, body: bytes) -> bytes:
        _, begin, size = struct.unpack_from("=QQI", body)
        return bytes(max(0, min(size, self._size - begin)))


@contextmanager
def mounted(place: Path, never: Ask, size: int = PAGE, flags: int = 0) -> Iterator[Mount]:
    """A file of so many bytes, all 0, whose server never answers one thing.  Skips without FUSE."""
    if os.geteuid() != 0 or not DEVICE.exists():
        pytest.skip("FUSE needs root and /dev/fuse")
    place.mkdir()
    mount = Mount(place, never, size, flags)
    try:
        yield mount
    finally:
        mount.leave()
