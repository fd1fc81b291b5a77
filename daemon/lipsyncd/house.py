"""The house: what all sessions share, opened with the jobs of an earlier life in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lipsyncd.config import Config, Source
from lipsyncd.errors import ConfigInvalid
from lipsyncd.host.events import JOB_QUARANTINED, JOB_RECOVERED, emit
from lipsyncd.host.heartbeat import Heartbeat
from lipsyncd.host.lock import locked
from lipsyncd.host.notify import Notifier
from lipsyncd.host.status import Status
from lipsyncd.host.warmpass import warm_interval
from lipsyncd.jobs.board import Board
from lipsyncd.jobs.job import State
from lipsyncd.jobs.scheduler import Scheduler
from lipsyncd.jobs.spool import Spool
from lipsyncd.jobs.store import Store
from lipsyncd.reload import Reloader


@dataclass(frozen=True)
class House:
    """What all sessions share."""

    store: Store
    spool: Spool
    board: Board
    scheduler: Scheduler
    status: Status
    reloader: Reloader


@contextmanager
def opened(
    source: Source, config: Config, status: Status, heartbeat: Heartbeat, notifier: Notifier
) -> Iterator[House]:
    """The house, with the jobs that waited in it; nobody else may use its state meanwhile.

    Raises ConfigInvalid, StateBusy, StateNewer, StateCorrupt.
    """
    spool = _open_spool(config)
    with locked(config.state / "lock", f"the state directory {config.state}"):
        store = Store(config.state / "jobs.sqlite")
        try:
            _take_over(store, spool)
            board = Board(status.news)
            scheduler = Scheduler(
                store,
                spool,
                board,
                heartbeat,
                max_jobs=config.limits.max_jobs,
                warm_interval=warm_interval(
                    config.warm_interval_seconds, notifier.watchdog_seconds
                ),
            )
            reloader = Reloader(source, scheduler, spool, status, notifier, config=config)
            yield House(store, spool, board, scheduler, status, reloader)
        finally:
            store.close()


def _open_spool(config: Config) -> Spool:
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Spool(config.state / "spool", config.limits)
    except OSError as error:
        raise ConfigInvalid(
            f"The state directory {config.state} cannot be used: {error.strerror}.",
            "Choose another with --state.",
        ) from error


def _take_over(store: Store, spool: Spool) -> None:
    for job in store.recover():
        event = JOB_RECOVERED if job.state is State.QUEUED else JOB_QUARANTINED
        emit(event, "job %s: %s after the daemon died", job.id, job.state, job=job)
    spool.sweep(store.states())
