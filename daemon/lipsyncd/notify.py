"""systemd's side: readiness, status and watchdog through sdnotify, sockets it passes, heartbeat.

sdnotify has three traps, and this file contains them: it encodes latin-1 (so text goes in as
UTF-8 in disguise), it swallows every error (so its debug mode is on), and its socket blocks
(so it is told not to).
"""

import logging
import os
import threading
import time

from sdnotify import SystemdNotifier

log = logging.getLogger(__name__)

FIRST_DESCRIPTOR = 3  # where systemd puts the first socket it passes


class Notifier:
    """Tells systemd how the daemon is. Without systemd it does nothing.

    It takes NOTIFY_SOCKET and WATCHDOG_* out of the environment, since no child may use them.
    `watchdog_seconds` is how long systemd waits for a ping, None if it does not.
    """

    def __init__(self) -> None:
        self._systemd = _connect()
        os.environ.pop("NOTIFY_SOCKET", None)
        self.watchdog_seconds = _watchdog_seconds()

    def ready(self) -> None:
        """Models are loaded and warm: systemctl start may return."""
        self._send("READY=1")

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

    def _send(self, message: str) -> None:
        if not self._systemd:
            return
        try:
            self._systemd.notify(message.encode("utf-8", "replace").decode("latin-1"))
        except OSError as error:
            log.warning("systemd did not take %s: %s", message.partition("=")[0], error)


class Heartbeat:
    """Proof that the render moves: alive while it is idle or has beaten within `patience` seconds.

    The render thread calls `beat` and `idle`, the pinger asks `is_alive`.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._beaten_at: float | None = None

    def beat(self) -> None:
        """There is work, and it has just moved."""
        self._beaten_at = time.monotonic()

    def idle(self) -> None:
        """There is no work."""
        self._beaten_at = None

    def is_alive(self, now: float) -> bool:
        """`now` is a time of the monotonic clock."""
        beaten_at = self._beaten_at
        return beaten_at is None or now - beaten_at < self._patience


class Pinger:
    """A thread that does nothing but ping systemd's watchdog, for as long as the heart beats."""

    def __init__(self, notifier: Notifier, heartbeat: Heartbeat, interval: float) -> None:
        self._notifier = notifier
        self._heartbeat = heartbeat
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pinger", daemon=True)

    def start(self) -> None:
        """Ping from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Ping no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            if self._heartbeat.is_alive(time.monotonic()):
                self._notifier.watchdog()


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
