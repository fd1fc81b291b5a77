"""Builds the daemon and lives its life; the only file that sees both planes."""

import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from socket import socket
from typing import Never

from lipsyncd import __version__, journal
from lipsyncd.board import Board
from lipsyncd.config import Config, load_config
from lipsyncd.errors import ConfigInvalid, InternalError, LipsyncError, UsageError
from lipsyncd.journal import NOTICE
from lipsyncd.listener import listening
from lipsyncd.lock import locked
from lipsyncd.native import set_up_libraries
from lipsyncd.notify import Heartbeat, Notifier, Pinger, listen_descriptors
from lipsyncd.scheduler import Render, Scheduler
from lipsyncd.server import Server
from lipsyncd.spool import Spool
from lipsyncd.status import Condition, Status
from lipsyncd.store import Store
from lipsyncd.verbs import House

log = logging.getLogger(__name__)

LOAD_PATIENCE = 60.0  # seconds a start may take from one report of its progress to the next
STOP_PATIENCE = 5.0  # seconds for the running job's batch once the drain is over
RENDER_PATIENCE = 60.0  # seconds a render may take for one step, where no watchdog says otherwise

# Loads and warms the models, reporting what it does: the render, and what describes the models.
Load = Callable[[Config, Callable[[str], None]], tuple[Render, Callable[[], Mapping[str, object]]]]
# Why the main thread wakes: a signal's number, a failure, or None when the render thread is done.
Events = SimpleQueue[int | LipsyncError | None]


def main() -> int:
    """The program; its exit code."""
    return live(load_data_plane)


def live(load: Load) -> int:
    """The program with the models of `load`, from the command line to the exit code."""
    faulthandler.enable()
    journal.set_up()
    os.umask(0o077)
    notifier = Notifier()
    events: Events = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: events.put(number))
    try:
        serve(_configured(sys.argv[1:]), load, notifier, events)
    except LipsyncError as error:
        log.error("%s %s", error.message, error.hint)
        notifier.status(f"{error.message} {error.hint}")
        return _ended(error.code)
    return _ended(0)


def serve(config: Config, load: Load, notifier: Notifier, events: Events) -> None:
    """Listen, recover, serve sessions, load, warm up, be ready, schedule; drain after a signal.

    Raises LipsyncError if the start fails, or if the device is lost later.
    """
    heartbeat = Heartbeat((notifier.watchdog_seconds or RENDER_PATIENCE) / 2)
    with (
        listening(config.socket, listen_descriptors()) as listener,
        recovered(config, heartbeat) as house,
        served(listener, house),
        pinged(notifier, heartbeat),
    ):
        worker = threading.Thread(
            target=work, args=[config, load, house, notifier, events], name="render", daemon=True
        )
        worker.start()
        _raise_failure(events.get())
        drain(config.limits.drain_seconds, house, notifier, events)
        house.scheduler.stop(STOP_PATIENCE)


@contextmanager
def recovered(config: Config, heartbeat: Heartbeat) -> Iterator[House]:
    """The state of an earlier life, taken over and in order."""
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        spool = Spool(config.state / "spool", config.limits)
    except OSError as error:
        raise ConfigInvalid(
            f"The state directory {config.state} cannot be used: {error.strerror}.",
            "Choose another with --state.",
        ) from error
    with locked(config.state / "lock", f"the state directory {config.state}"):
        store = Store(config.state / "jobs.sqlite")
        try:
            for job in store.recover():
                log.log(NOTICE, "job %s: %s after the daemon died", job.id, job.state)
            spool.sweep(store.states())
            board = Board()
            scheduler = Scheduler(store, spool, board, heartbeat, config.limits.max_jobs)
            yield House(store, spool, board, scheduler, Status())
        finally:
            store.close()


@contextmanager
def served(listener: socket, house: House) -> Iterator[None]:
    """Sessions are served meanwhile."""
    server = Server(listener, house)
    server.start()
    try:
        yield
    finally:
        server.close()


@contextmanager
def pinged(notifier: Notifier, heartbeat: Heartbeat) -> Iterator[None]:
    """The watchdog is pinged meanwhile, if there is one."""
    if notifier.watchdog_seconds is None:
        yield
        return
    pinger = Pinger(notifier, heartbeat, notifier.watchdog_seconds / 6)
    pinger.start()
    try:
        yield
    finally:
        pinger.stop()


def work(config: Config, load: Load, house: House, notifier: Notifier, events: Events) -> None:
    """The render thread: load, warm up, be ready, render until drained."""

    def report(detail: str) -> None:
        log.info("models: %s", detail)
        house.status.enter(Condition.WARMING, detail)
        notifier.extend_timeout(LOAD_PATIENCE)
        notifier.status(detail)

    try:
        begun = time.monotonic()
        report("loading the models")
        render, describe = load(config, report)
        house.status.hold(describe())
        house.status.enter(Condition.READY, "")
        notifier.status(f"ready on {house.status.models.get('device')}")
        notifier.ready()
        log.log(NOTICE, "ready after %.1f s", time.monotonic() - begun)
        house.scheduler.run(render)
        events.put(None)
    except LipsyncError as error:
        events.put(error)
    except Exception as error:
        log.exception("the render thread broke")
        events.put(InternalError(f"The render thread broke: {error}.", "Read the log."))


def drain(seconds: float, house: House, notifier: Notifier, events: Events) -> None:
    """Take nothing more, and let the running job end, within `seconds` or until told again."""
    house.scheduler.drain()
    is_idle = house.scheduler.is_idle
    detail = "stopping" if is_idle else "stopping once the running job has ended"
    house.status.enter(Condition.DRAINING, detail)
    notifier.stopping()
    notifier.status(detail)
    notifier.extend_timeout(seconds + 2 * STOP_PATIENCE)
    log.log(NOTICE, detail)
    if not is_idle:
        with suppress(Empty):
            _raise_failure(events.get(timeout=seconds))


def load_data_plane(
    config: Config, report: Callable[[str], None]
) -> tuple[Render, Callable[[], Mapping[str, object]]]:
    """The real models; imported only here, because that takes seconds."""
    set_up_libraries()
    from lipsyncd.studio import open_studio  # noqa: PLC0415

    studio = open_studio(config, report)
    return studio.render, studio.describe


class _Parser(argparse.ArgumentParser):
    """Misuse is an error like any other."""

    def error(self, message: str) -> Never:
        raise UsageError(f"lipsyncd was called wrongly: {message}.", "See lipsyncd --help.")


def _configured(arguments: Sequence[str]) -> Config:
    """The configuration, from the file and the command line."""
    parser = _Parser(prog="lipsyncd", description="Keeps lip-sync models ready and renders.")
    parser.add_argument("--config", metavar="FILE", type=Path, help="a TOML file; none: defaults")
    parser.add_argument("--device", metavar="DEVICE", help="auto, cpu, or cuda:N")
    parser.add_argument("--socket", metavar="PATH", help="where clients connect")
    parser.add_argument("--state", metavar="DIR", help="the queue, the history and the spool")
    parser.add_argument("--version", action="version", version=f"lipsyncd {__version__}")
    chosen = vars(parser.parse_args(arguments))
    path = chosen.pop("config")
    return load_config(path, {name: value for name, value in chosen.items() if value is not None})


def _raise_failure(event: int | LipsyncError | None) -> None:
    if isinstance(event, LipsyncError):
        raise event


def _ended(code: int) -> int:
    """Leave with `code`, also past a render thread that hangs in native code."""
    if threading.active_count() > 1:
        logging.shutdown()
        os._exit(code)  # the interpreter's own end would wait for it, or abort
    return code
