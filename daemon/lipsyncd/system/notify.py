"""systemd's side: readiness, status and watchdog through sdnotify, and the sockets it passes.

sdnotify has three traps, and this file contains them: it encodes latin-1 (so text goes in as
UTF-8 in disguise), it swallows every error (so its debug mode is on), and its socket blocks
(so it is told not to).  Where a manager's queue is full, as while it reloads, only what is said
but once waits for room in it.
"""

import logging
import os
import select
import socket
import time

from sdnotify import SystemdNotifier

log = logging.getLogger(__name__)

FIRST_DESCRIPTOR = 3  # where systemd puts the first socket it passes
PATIENCE = 30.0  # seconds in which there has to be room for what is said but once


class Notifier:
    """Tells systemd how the daemon is. Without systemd it does nothing.

    It takes NOTIFY_SOCKET, WATCHDOG_* and LISTEN_* out of the environment, since no child may use
    them.  `watchdog_seconds` is how long systemd waits for a ping, None if it does not; `sockets`
    are descriptors of those it passes, and stay open.
    """

    def __init__(self) -> None:
        self._systemd = _connect()
        os.environ.pop("NOTIFY_SOCKET", None)
        self.watchdog_seconds = _watchdog_seconds()
        self.sockets = listen_descriptors()

    @property
    def is_heard(self) -> bool:
        """There is a service manager, which starts the daemon again."""
        return self._systemd is not None

    def ready(self) -> None:
        """Models are loaded and warm: systemctl start may return."""
        self._send("READY=1", PATIENCE)

    def reloading(self) -> None:
        """A reload begins, `ready` ends it; systemd wants the time in the same datagram."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", PATIENCE)

    def status(self, text: str) -> None:
        """One line for systemctl status."""
        self._send(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """The daemon has begun to stop."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """A sign of life; a message of its own, so that no text can spoil it."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for that much time, from now, for the start or stop under way."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    def close(self) -> None:
        """Tell nothing more."""
        if self._systemd:
            self._systemd.socket.close()
        self._systemd = None

    def _send(self, message: str, patience: float = 0.0) -> None:
        if not self._systemd:
            return
        try:
            if patience:
                wait_for_room(self._systemd.socket, patience)
            self._systemd.notify(message.encode("utf-8", "replace").decode("latin-1"))
        except OSError as error:
            log.warning("systemd did not take %s: %s", message.partition("=")[0], error)


def wait_for_room(connected: socket.socket, seconds: float) -> None:
    """Until a datagram fits into the queue of whoever is at the other end, or so long."""
    queue = select.poll()
    queue.register(connected, select.POLLOUT)
    queue.poll(round(1000 * seconds))


def listen_descriptors() -> list[int]:
    """The sockets systemd passed to this process, closed on exec; the environment forgets them."""
    count = os.environ.pop("LISTEN_FDS", "0")
    process = os.environ.pop("LISTEN_PID", None)
    os.environ.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdecimal():
        return []
    descriptors = list(range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return descriptors


def _connect() -> SystemdNotifier | None:
    if "NOTIFY_SOCKET" not in os.environ:
        return None
    try:
        systemd = SystemdNotifier(debug=True)
    except (OSError, LookupError) as error:
        log.warning("systemd cannot be notified: %s", error)
        return None
    systemd.socket.setblocking(False)
    return systemd


def _watchdog_seconds() -> float | None:
    microseconds = os.environ.pop("WATCHDOG_USEC", "")
    process = os.environ.pop("WATCHDOG_PID", None)
    if not microseconds.isdecimal() or process not in (None, str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000
