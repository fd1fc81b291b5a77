"""A reload: the configuration is read again and applied, and no job notices."""

import threading
import time

from lipsyncd.config import Config, LiveConfig, Source
from lipsyncd.errors import ConfigInvalid, InvalidRequest, QueueDraining
from lipsyncd.queue.renderer import Renderer
from lipsyncd.system.catalog import RELOADED, emit
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Condition, Loading, Status

FIXED = ("socket", "state")  # what cannot move under a running daemon


class Reloader:
    """How the next configuration takes the place of the one in force."""

    def __init__(
        self,
        source: Source,
        live_config: LiveConfig,
        status: Status,
        notifier: Notifier,
    ) -> None:
        """`live_config` is what `source` said at the start."""
        self._source = source
        self._live_config = live_config
        self._status = status
        self._notifier = notifier
        self._lock = threading.Lock()
        self._renderer: Renderer | None = None

    def open(self, renderer: Renderer) -> None:
        """The models are loaded: from now on others can take their place."""
        self._renderer = renderer

    def reload(self) -> str:
        """Apply what the source says now; a sentence on what changed.

        Raises LipsyncError for what cannot be applied, and then nothing has changed.
        """
        with self._lock:
            renderer = self._opened()
            config = self._source.read()
            _refuse_moves(self._live_config.config, config)
            begun = time.monotonic()
            changed = self._load(renderer, config)
            self._live_config.config = config
            emit(RELOADED, "reloaded in %.1f s: %s", time.monotonic() - begun, changed)
            return changed

    def _opened(self) -> Renderer:
        if self._status.condition is Condition.DRAINING:
            raise QueueDraining("The daemon is stopping.", "Its next start reads everything anew.")
        if self._renderer is None:
            raise InvalidRequest("The daemon is still loading.", "Reload it once it is ready.")
        return self._renderer

    def _load(self, renderer: Renderer, config: Config) -> str:
        report = Loading(self._status, Condition.READY, self._notifier)
        try:
            changed = renderer.reload(config, lambda detail: report(f"reloading: {detail}"))
            self._status.hold(renderer)
            return changed
        finally:
            self._status.enter(Condition.READY, "")


def _refuse_moves(before: Config, after: Config) -> None:
    for name in FIXED:
        if getattr(before, name) != getattr(after, name):
            raise ConfigInvalid(
                f"{name} cannot change while the daemon runs.", "Restart it to move there."
            )
