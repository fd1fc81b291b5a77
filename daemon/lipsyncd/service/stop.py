"""A stop: the running jobs may end, what waits stays in the queue, and systemd knows of both."""

import signal
import time
from contextlib import suppress
from queue import Empty

from lipsyncd.errors import LipsyncError, StorageError
from lipsyncd.protocol.state import State
from lipsyncd.service.controlplane import ControlPlane
from lipsyncd.service.worker import Calls
from lipsyncd.system.catalog import DRAIN_BEGIN, DRAIN_END, emit
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Condition

TIMEOUT = 5.0  # seconds for the running jobs' batches once the drain is over
EXTENSION = 15.0  # seconds that systemd is asked for at once
ASK_AGAIN = 5.0  # seconds until it is asked for more


def drain(controlplane: ControlPlane, notifier: Notifier, calls: Calls) -> None:
    """Take nothing more, and let the running jobs end, within their time or until told again.

    What does not end goes back to the queue.  Raises LipsyncError if the worker fails.
    """
    notifier.stopping()
    controlplane.scheduler.close()
    begun, is_idle = time.monotonic(), controlplane.scheduler.is_idle
    detail = "stopping" if is_idle else "stopping once the running jobs have ended"
    controlplane.status.enter(Condition.DRAINING, detail)
    emit(DRAIN_BEGIN, detail)
    if not is_idle:
        seconds = controlplane.live_config.config.limits.drain_seconds
        _await_end(begun + seconds, notifier, calls)
        notifier.extend_timeout(2 * TIMEOUT)
    controlplane.scheduler.stop(TIMEOUT)
    queued: int | str = "unknown"
    with suppress(StorageError):  # the jobs stay, whether they can be counted or not
        queued = controlplane.store.count(State.QUEUED)
    text = "stopped after %.1f s, jobs that stay in the queue: %s"
    emit(DRAIN_END, text, time.monotonic() - begun, queued, QUEUE_DEPTH=queued)


def _await_end(deadline: float, notifier: Notifier, calls: Calls) -> None:
    """Return when the worker is done, at the deadline, or at another signal to stop."""
    while (left := deadline - time.monotonic()) > 0:
        notifier.extend_timeout(EXTENSION)
        with suppress(Empty):
            call = calls.get(timeout=min(left, ASK_AGAIN))
            if isinstance(call, LipsyncError):
                raise call
            if call != signal.SIGHUP:
                return
