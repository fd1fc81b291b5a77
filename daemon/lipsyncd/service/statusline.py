"""The line that `systemctl status` shows: what the daemon does, in a few words."""

import threading

from lipsyncd.errors import StorageError
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.pause import Pause
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.updates import Updates
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Condition, Health, Status

PAUSE = 1.0  # seconds between two lines


class StatusLine:
    """A thread that shows news to systemd, and rests while there is none."""

    def __init__(
        self, status: Status, store: Store, updates: Updates, pause: Pause, notifier: Notifier
    ) -> None:
        """`status` and `updates` share their news."""
        self._status = status
        self._store = store
        self._updates = updates
        self._pause = pause
        self._notifier = notifier
        self._lock = threading.Lock()
        self._shown = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="statusline", daemon=True)

    def start(self) -> None:
        """Show what is new from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Show nothing more."""
        self._stopped.set()
        self._status.news.set()
        self._thread.join()

    def show(self) -> None:
        """Show how it is at this moment."""
        with self._lock:
            line = self._line()
            if line != self._shown:
                self._notifier.status(line)
            self._shown = line

    def _run(self) -> None:
        news = self._status.news
        while news.wait() and not self._stopped.is_set():
            news.clear()
            self.show()
            self._stopped.wait(PAUSE)

    def _line(self) -> str:
        """ready on cuda:0, 3 queued, job k3..., 42 %, 212 fps"""
        health = self._status.health()
        if health.condition is Condition.READY:
            parts = [_serving(health, self._status), *self._queued()]
            parts += [self._pause.reason] if self._pause.reason else []
        else:
            parts = [self._status.detail or str(self._status.condition)]
        return ", ".join(parts + [_progress(job) for job in self._updates.running])

    def _queued(self) -> list[str]:
        """How many wait, if the store can tell."""
        try:
            return [f"{self._store.count(State.QUEUED)} queued"]
        except StorageError:
            return []


def _serving(health: Health, status: Status) -> str:
    """ready on cuda:0; or degraded on cuda:0 (lost, and started anew: cuda:1)"""
    where = f" on {', '.join(health.serving)}" if health.serving else ""
    lost = f"lost, and started anew: {', '.join(health.lost)}" if health.lost else ""
    why = "; ".join(filter(None, (str(status.models.get("fallback", "")), lost)))
    detail = f", {status.detail}" if status.detail else ""
    return f"{health.state}{where}{f' ({why})' if why else ''}{detail}"


def _progress(job: Job) -> str:
    share = f" {100 * job.done // job.total} %, {job.fps:.0f} fps" if job.total else ""
    return f"job {job.id}{share}"
