"""A template: the process that others are forked from; if it dies, another takes its place."""

import socket
import threading
from collections.abc import Mapping
from typing import Self

from lipsyncd.errors import InternalError
from lipsyncd.processes.child import Child, Gone
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.system.catalog import TEMPLATE_RESTARTED, emit

WARM_SECONDS = 120.0  # the first time librosa compiles
FORK_SECONDS = 20.0
TRIES = 3


class Template:
    """It is asked for one process at a time."""

    def __init__(self, kind: str, wanted: Mapping[str, object]) -> None:
        """`kind` names its package and what it forks, `wanted` is what it gets ready.

        Raises what the process says, or InternalError.
        """
        self._kind = kind
        self._wanted = wanted
        self._lock = threading.Lock()
        self._successor: Self | None = None
        self._child = self._started()

    def fork(self) -> tuple[Connection, Message]:
        """A new process: the talk with it, and its first word.

        Raises InternalError.
        """
        if self._successor:
            return self._successor.fork()
        with self._lock:
            for _ in range(TRIES):
                if forked := self._forked():
                    return forked
                self._end(self._child)
                self._child = self._started()
        raise InternalError(f"No {self._kind} could be started.", "Read the log.")

    def succeed(self, before: Self) -> None:
        """Fork what another template is asked for, which is retired."""
        with before._lock:
            before._successor = self
        before.retire()

    def retire(self) -> None:
        """Nothing more is asked of it; what it has forked goes on."""
        self._child.retire()
        self._child.finish()

    def _forked(self) -> tuple[Connection, Message] | None:
        ours, theirs = socket.socketpair()
        connection = Connection(ours)
        try:
            with theirs:
                self._child.say({}, theirs.fileno())
            message = connection.receive(FORK_SECONDS)
        except (Gone, TimeoutError):
            message = None
        if message is None:
            connection.close()
            return None
        return connection, message

    def _started(self) -> Child:
        """A child that is ready.  Raises what it says; InternalError if it is gone each time."""
        gone = None
        for _ in range(TRIES):
            child = Child(f"lipsyncd.{self._kind}.template")
            try:
                child.say(self._wanted)
                child.hear(WARM_SECONDS)
            except Gone as error:
                gone = error
                self._end(child)
            except BaseException:
                child.kill()
                child.finish()
                raise
            else:
                return child
        words = f"The {self._kind} template did not get ready: {gone}."
        raise InternalError(words, "Read the log.")

    def _end(self, child: Child) -> None:
        """What is gone, or hangs, is told and let go of."""
        emit(TEMPLATE_RESTARTED, "%s template: it is gone, and started anew", self._kind)
        child.kill()
        child.finish()
