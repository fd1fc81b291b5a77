"""The render thread: it loads, says READY, and renders until the queue is drained."""

import threading
import time
from queue import SimpleQueue
from typing import Any

from lipsyncd.errors import InternalError, LipsyncError
from lipsyncd.processes.renderer import has_started
from lipsyncd.queue.renderer import Load, Renderer
from lipsyncd.service.controlplane import ControlPlane
from lipsyncd.service.statusline import StatusLine
from lipsyncd.system import journal
from lipsyncd.system.catalog import MODEL_LOADED, READY, emit
from lipsyncd.system.disk import named
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Condition, Loading

FIRST = "loading the models, for the first time: compiling may take a minute"
# Why the main thread wakes: a signal's number, a failure, or None when the worker is done.
Calls = SimpleQueue[int | LipsyncError | None]


class Worker:
    """The thread; how it ended comes as a call."""

    def __init__(
        self,
        controlplane: ControlPlane,
        statusline: StatusLine,
        notifier: Notifier,
        calls: Calls,
    ) -> None:
        self._controlplane = controlplane
        self._statusline = statusline
        self._notifier = notifier
        self._calls = calls

    def start(self, load: Load) -> None:
        """Load and render from now on."""
        threading.Thread(target=self._run, args=[load], name="render", daemon=True).start()

    def _run(self, load: Load) -> None:
        try:
            self._controlplane.scheduler.run(self._loaded(load))
            self._calls.put(None)
        except LipsyncError as error:
            self._calls.put(error)
        except Exception as error:
            broken = named(error) or InternalError(f"The queue broke: {error}.", "Read the log.")
            broken.__cause__ = error
            self._calls.put(broken)

    def _loaded(self, load: Load) -> Renderer:
        """The models, ready to render, and everybody told so."""
        begun = time.monotonic()
        report = Loading(self._controlplane.status, Condition.WARMING, self._notifier)
        config = self._controlplane.live_config.config
        report("loading the models" if has_started(config) else FIRST)
        renderer = load(config, report)
        self._controlplane.status.hold(renderer)
        renderer.watch(self._controlplane.status.news.set)
        self._tell_loaded(time.monotonic() - begun)
        self._controlplane.reloader.open(renderer)
        self._controlplane.preflights.open(renderer)
        self._controlplane.status.enter(Condition.READY, "")
        self._statusline.show()
        self._notifier.ready()
        return renderer

    def _tell_loaded(self, seconds: float) -> None:
        models = self._controlplane.status.models
        journal.always(LIPSYNCD_DEVICE=models.get("device"))
        cost: Any = {"VRAM_BYTES": models.get("device_bytes", 0), "LOAD_MS": round(1000 * seconds)}
        emit(MODEL_LOADED, "models: %s in %.1f s", models.get("checkpoint"), seconds, **cost)
        emit(READY, "ready on %s after %.1f s", models.get("device"), seconds, **cost)
