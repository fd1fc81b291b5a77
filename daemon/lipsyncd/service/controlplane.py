"""The control plane: what all sessions share, opened with the jobs of an earlier life."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lipsyncd.config import Config, LiveConfig, Source
from lipsyncd.errors import StateCorrupt
from lipsyncd.processes.intake import Intake
from lipsyncd.processes.listing import Listing
from lipsyncd.queue.admission import Admission
from lipsyncd.queue.janitor import Janitor
from lipsyncd.queue.preflight import Preflights
from lipsyncd.queue.recovery import recover
from lipsyncd.queue.retention import Retention
from lipsyncd.queue.scheduler import Scheduler
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database, looked_into, move_aside
from lipsyncd.queue.store.history import History
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.store.line import Line
from lipsyncd.queue.updates import Updates
from lipsyncd.service.reload import Reloader
from lipsyncd.system.catalog import CRASHED, STATE_CORRUPT, emit
from lipsyncd.system.crashlog import CrashLog
from lipsyncd.system.disk import disk_named, size_at, unusable
from lipsyncd.system.lock import locked_directory
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Status
from lipsyncd.system.watchdog import Heartbeat

STORE, SPOOL, CRASH = "jobs.sqlite", "spool", "crash"  # in the state directory


@dataclass(frozen=True)
class ControlPlane:
    """What all sessions share."""

    live_config: LiveConfig
    store: Store
    history: History
    line: Line
    spool: Spool
    updates: Updates
    scheduler: Scheduler
    admission: Admission
    intake: Intake
    listing: Listing
    preflights: Preflights
    retention: Retention
    janitor: Janitor
    status: Status
    reloader: Reloader
    heartbeat: Heartbeat


@contextmanager
def open_controlplane(
    source: Source, config: Config, status: Status, notifier: Notifier
) -> Iterator[ControlPlane]:
    """The control plane, with the jobs that waited in it; nobody else may use its state meanwhile.

    Raises ConfigInvalid, StateBusy, StateNewer, StorageError, InternalError.
    """
    make_state(config.state)
    live_config, crashlog = LiveConfig(config), CrashLog(config.state / CRASH)
    reloader = Reloader(source, live_config, status, notifier)
    with (
        locked_directory(config.state, f"the state directory {config.state}"),
        open_database(config.state, status) as database,
        ExitStack() as stack,
    ):
        controlplane = assembled(database, live_config, reloader, status, Heartbeat(notifier))
        stack.callback(controlplane.intake.retire)
        tell(crashlog.read())
        lost = recover(controlplane.store, controlplane.spool)
        status.warning = " ".join(filter(None, (status.warning, lost)))
        controlplane.janitor.keep_time()
        stack.enter_context(crashlog.armed())
        yield controlplane


def assembled(
    database: Database,
    live_config: LiveConfig,
    reloader: Reloader,
    status: Status,
    heartbeat: Heartbeat,
) -> ControlPlane:
    """Everything in its place, and every part knowing those it needs.  Raises InternalError."""
    updates, spool = Updates(status.news), Spool(live_config.config.state / SPOOL, live_config)
    store, history = Store(database), History(database)
    scheduler = Scheduler(store, spool, updates, heartbeat, live_config)
    retention = Retention(history, spool, live_config)
    admission = Admission(store, spool, scheduler, retention, live_config)
    return ControlPlane(
        live_config=live_config,
        store=store,
        history=history,
        line=Line(database),
        spool=spool,
        updates=updates,
        scheduler=scheduler,
        admission=admission,
        intake=Intake(),
        listing=Listing(),
        preflights=Preflights(admission, live_config.config.state / SPOOL),
        retention=retention,
        janitor=Janitor(store, scheduler, retention, updates),
        status=status,
        reloader=reloader,
        heartbeat=heartbeat,
    )


def make_state(path: Path) -> None:
    """Raises ConfigInvalid or StorageError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / SPOOL).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        hint = "Choose another with --state."
        raise unusable(f"the state directory {path}", error, hint) from error


def tell(stacks: str) -> None:
    """An entry on how an earlier life crashed, if it did."""
    if stacks:
        emit(CRASHED, "the daemon's last life ended badly:", details=stacks)


@contextmanager
def open_database(state: Path, status: Status) -> Iterator[Database]:
    """The store's file; one that is damaged is moved aside, and everybody is told.

    Raises StateNewer or StorageError, and then nothing was moved.
    """
    try:
        refuse_lost(state)
        database = looked_into(state / STORE)
    except StateCorrupt as error:
        status.warning = set_aside(state, error)
        database = Database(state / STORE)
    try:
        yield database
    finally:
        database.close()


def refuse_lost(state: Path) -> None:
    """Raise StateCorrupt if there are jobs' files, but no store that would know of them."""
    with disk_named():
        if not size_at(state / STORE) and any((state / SPOOL).iterdir()):
            text = "The store is gone, and the spool has files of jobs."
            raise StateCorrupt(text, "Restore it.")


def set_aside(state: Path, error: StateCorrupt) -> str:
    """Begin with an empty queue, but keep all there was; a sentence for who wonders."""
    kept = [move_aside(state / STORE), move_aside(state / SPOOL)]
    names = " and ".join(path.name for path in kept)
    words = f"{error.message} It began with an empty queue; {names} in {state} hold what there was."
    emit(STATE_CORRUPT, "%s", words)
    make_state(state)
    return words
