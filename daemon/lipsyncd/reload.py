"""A reload: the configuration is read again and applied, and no job notices."""

import threading
import time

from lipsyncd.config import Config, Source
from lipsyncd.dataplane import DataPlane
from lipsyncd.errors import ConfigInvalid, InvalidRequest, QueueDraining
from lipsyncd.host.events import RELOADED, emit
from lipsyncd.host.loading import Loading
from lipsyncd.host.notify import Notifier
from lipsyncd.host.status import Condition, Status
from lipsyncd.host.warmpass import warm_interval
from lipsyncd.jobs.scheduler import Scheduler
from lipsyncd.jobs.spool import Spool

FIXED = ("socket", "state")  # what cannot move under a running daemon


class Reloader:
    """The configuration in force, and how the next one takes its place."""

    def __init__(
        self,
        source: Source,
        scheduler: Scheduler,
        spool: Spool,
        status: Status,
        notifier: Notifier,
        *,
        config: Config,
    ) -> None:
        """`config` is what `source` said at the start."""
        self.config = config
        self._source = source
        self._scheduler = scheduler
        self._spool = spool
        self._status = status
        self._notifier = notifier
        self._lock = threading.Lock()
        self._plane: DataPlane | None = None

    def open(self, plane: DataPlane) -> None:
        """The models are loaded: from now on others can take their place."""
        self._plane = plane

    def reload(self) -> str:
        """Apply what the source says now; a sentence on what changed.

        Raises LipsyncError for what cannot be applied, and then nothing has changed.
        """
        with self._lock:
            plane = self._opened()
            config = self._source.read()
            _refuse_moves(self.config, config)
            begun = time.monotonic()
            changed = self._load(plane, config)
            self._adopt(config)
            emit(RELOADED, "reloaded in %.1f s: %s", time.monotonic() - begun, changed)
            return changed

    def _opened(self) -> DataPlane:
        if self._status.condition is Condition.DRAINING:
            raise QueueDraining("The daemon is stopping.", "Its next start reads everything anew.")
        if self._plane is None:
            raise InvalidRequest("The daemon is still loading.", "Reload it once it is ready.")
        return self._plane

    def _load(self, plane: DataPlane, config: Config) -> str:
        report = Loading(self._status, Condition.READY, self._notifier)
        try:
            changed = plane.reload(config, lambda detail: report(f"reloading: {detail}"))
            self._status.hold(plane.describe)
            return changed
        finally:
            self._status.enter(Condition.READY, "")

    def _adopt(self, config: Config) -> None:
        self.config = config
        self._spool.limits = config.limits
        self._scheduler.max_jobs = config.limits.max_jobs
        self._scheduler.warm_interval = warm_interval(
            config.warm_interval_seconds, self._notifier.watchdog_seconds
        )


def _refuse_moves(before: Config, after: Config) -> None:
    for name in FIXED:
        if getattr(before, name) != getattr(after, name):
            raise ConfigInvalid(
                f"{name} cannot change while the daemon runs.", "Restart it to move there."
            )
