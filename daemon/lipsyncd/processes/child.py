"""A child: a process of this package that the daemon starts, speaks with and outlives."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import Kind
from lipsyncd.queue.renderer import Report

PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes

# A child is killed when the thread that started it ends, and this one ends with the daemon.
_starter = ThreadPoolExecutor(1, "starter")


class Gone(Exception):
    """A child has ended, or does not answer."""


class Child:
    """One that was started.  One thread at a time may ask it something."""

    def __init__(self, module: str) -> None:
        """Start `python -m module`."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _starter.submit(_started, module, theirs.fileno()).result()
        self._files = ExitStack()
        self._connection = self._files.enter_context(Connection(ours))
        self._ending = os.pidfd_open(self.pid)
        self._files.callback(os.close, self._ending)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def resident_bytes(self) -> int:
        """What it has of the machine's memory; 0 once it has ended."""
        with suppress(OSError):
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE
        return 0

    def say(self, body: Mapping[str, object], *descriptors: int) -> None:
        """Send a message; the descriptors stay the caller's.  Raises Gone."""
        try:
            self._connection.send(Kind.REQUEST, body, descriptors)
        except TimeoutError as error:
            raise Gone(f"process {self.pid} hears nothing") from error

    def hear(self, seconds: float | None, report: Report = lambda _: None) -> dict[str, object]:
        """The reply to what was asked, if each word takes no longer than so many seconds.

        `report` gets the words that come before it.  Raises Gone, and the error that is the reply.
        """
        while True:
            message = self._next(seconds)
            if message.kind is Kind.ERROR:
                raise LipsyncError.from_map(message.body)
            if message.kind is Kind.REPLY:
                return message.body
            report(str(message.body["detail"]))

    def _next(self, seconds: float | None) -> Message:
        try:
            message = self._connection.receive(seconds)
        except TimeoutError:
            raise Gone(f"process {self.pid} gave no answer for {seconds:.1f} s") from None
        if message is None:
            raise self.gone()
        return message

    def gone(self) -> Gone:
        """Why nothing more comes of it, once it has ended."""
        return Gone(f"process {self.pid} ended {ending_of(self._process.wait())}")

    def has_ended(self, seconds: float) -> bool:
        """Wait for its end, but no longer than so many seconds; whether it came."""
        return bool(select.select([self._ending], [], [], seconds)[0])

    def retire(self) -> None:
        """Ask nothing more of it: it ends when it has nothing more to do."""
        self._connection.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def finish(self) -> None:
        """Wait for its end, and let go of it."""
        self._process.wait()
        self._files.close()


def _started(module: str, descriptor: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", module, str(descriptor)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[descriptor])


def ending_of(status: int) -> str:
    """How a process ended, in words: by a signal, or with an exit code."""
    if status >= 0:
        return f"with exit code {status}"
    return f"by {signal.Signals(-status).name}"
