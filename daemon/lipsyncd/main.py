"""Builds the daemon and lives its life; the only file that sees both planes."""

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from queue import Empty
from typing import Never

from lipsyncd import __version__, arguments
from lipsyncd.config import Source
from lipsyncd.errors import (
    DeviceLost,
    InternalError,
    LipsyncError,
    StateCorrupt,
    StorageError,
)
from lipsyncd.processes.renderer import open_renderer
from lipsyncd.protocol.state import State
from lipsyncd.queue.renderer import Load, Report
from lipsyncd.queue.scheduler import RETRY_SECONDS
from lipsyncd.server.dismissal import dismiss
from lipsyncd.server.listener import Listener, listening
from lipsyncd.server.server import Server
from lipsyncd.service.controlplane import ControlPlane, open_controlplane
from lipsyncd.service.statusline import StatusLine
from lipsyncd.service.stop import drain
from lipsyncd.service.worker import Calls, Worker
from lipsyncd.system import journal
from lipsyncd.system.catalog import GPU_LOST, LOAD_FAILED, STATE_CORRUPT, Entry, emit
from lipsyncd.system.crashlimit import FINAL, limited
from lipsyncd.system.disk import disk_named, free_bytes, named
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Condition, Loading, Status

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ALIVE = (Condition.READY, Condition.DRAINING)
ENOUGH = 1 << 20  # bytes: with more room on the disk, what fails there has another cause
BEGINNINGS = "beginnings"  # in the state directory: of the lives that did not end in order
# of errors that end the daemon
ENTRIES: dict[type[LipsyncError], Entry] = {DeviceLost: GPU_LOST, StateCorrupt: STATE_CORRUPT}


def main() -> int:
    """The program; its exit code."""
    return live(open_renderer)


def live(load: Load) -> int:
    """The program with the models of `load`, from the command line to the exit code."""
    # before the first thread: each inherits it, so that only `heed` gets a signal
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    faulthandler.enable()
    journal.set_up()
    os.umask(0o077)
    notifier, status, calls = Notifier(), Status(), Calls()
    threading.Thread(target=heed, args=[calls], name="signals", daemon=True).start()
    try:
        serve(arguments.parse(sys.argv[1:]), load, notifier, status, calls)
    except Exception as error:
        name = error if isinstance(error, LipsyncError) else named(error)
        if name is None:
            log.critical("the daemon broke: %s", error, exc_info=error)
            return _ended(InternalError.code)
        _tell_failure(name, status, notifier)
        if name.code in FINAL:
            dismiss(notifier.sockets, name)
        return _ended(name.code)
    return _ended(0)


def heed(calls: Calls) -> None:
    """Make calls of signals.

    A handler would not do: the kernel may hand a signal to any thread, and a main thread that
    waits in a queue is not woken by a signal that another thread got.
    """
    while True:
        calls.put(signal.sigwait(SIGNALS))


def serve(source: Source, load: Load, notifier: Notifier, status: Status, calls: Calls) -> None:
    """Listen, recover, serve sessions, load, be ready, render; drain after a signal.

    Raises LipsyncError if the start fails, or if the device is lost later.
    """
    config = source.read()
    counted = limited(config.state / BEGINNINGS) if notifier.is_heard else nullcontext()
    listening_to = listening(config.socket, notifier.sockets, arguments.command(source, config))
    with listening_to as listener, counted, ExitStack() as stack:

        def open_all() -> ControlPlane:
            return stack.enter_context(open_controlplane(source, config, status, notifier))

        report = Loading(status, Condition.STARTING, notifier)
        controlplane = when_there_is_room(open_all, config.state, report, calls)
        if controlplane is None:
            return
        stack.enter_context(served(listener, controlplane))
        statusline = stack.enter_context(shown(controlplane, notifier))
        stack.enter_context(kept(controlplane))
        tell_start(controlplane)
        Worker(controlplane, statusline, notifier, calls).start(load)
        stay(controlplane, notifier, calls)
        drain(controlplane, notifier, calls)


def when_there_is_room(
    open_all: Callable[[], ControlPlane], state: Path, report: Report, calls: Calls
) -> ControlPlane | None:
    """The control plane, as soon as the disk has the room it takes; None if told to stop."""
    while True:
        try:
            return open_all()
        except StorageError as error:
            with disk_named():
                if free_bytes(state) > ENOUGH:
                    raise
            report(f"no room on the disk of the state: {error.message}")
        with suppress(Empty):
            if calls.get(timeout=RETRY_SECONDS) != signal.SIGHUP:
                return None


def tell_start(controlplane: ControlPlane) -> None:
    """The first line of the log: what this life begins with."""
    state, queued = controlplane.live_config.config.state, controlplane.store.count(State.QUEUED)
    text = "lipsyncd %s, pid %d, state in %s, queued: %d"
    log.info(text, __version__, os.getpid(), state, queued)


@contextmanager
def served(listener: Listener, controlplane: ControlPlane) -> Iterator[None]:
    """Sessions are served meanwhile."""
    server = Server(listener, controlplane)
    server.start()
    try:
        yield
    finally:
        server.close()


@contextmanager
def shown(controlplane: ControlPlane, notifier: Notifier) -> Iterator[StatusLine]:
    """systemd is shown meanwhile what the daemon does."""
    pause = controlplane.scheduler.pause
    statusline = StatusLine(
        controlplane.status, controlplane.store, controlplane.updates, pause, notifier
    )
    statusline.start()
    try:
        yield statusline
    finally:
        statusline.stop()


@contextmanager
def kept(controlplane: ControlPlane) -> Iterator[None]:
    """What is over is ended and removed meanwhile."""
    controlplane.janitor.start()
    try:
        yield
    finally:
        controlplane.janitor.stop()


def stay(controlplane: ControlPlane, notifier: Notifier, calls: Calls) -> None:
    """Return at a signal to stop; reload at each SIGHUP before it. Raises what ends the worker."""
    while (call := calls.get()) == signal.SIGHUP:
        threading.Thread(
            target=reload, args=[controlplane, notifier], name="reload", daemon=True
        ).start()
    if isinstance(call, LipsyncError):
        raise call


def reload(controlplane: ControlPlane, notifier: Notifier) -> None:
    """A reload that nobody waits for but systemd, where the unit is of Type=notify-reload."""
    if controlplane.status.condition is not Condition.READY:
        return log.warning("reload: refused, the daemon is %s", controlplane.status.condition)
    notifier.reloading()
    try:
        controlplane.reloader.reload()
    except LipsyncError as error:
        log.error("reload: refused, %s %s", error.message, error.hint)
    except Exception:
        log.exception("reload: broke")
    if controlplane.status.condition is Condition.READY:
        notifier.ready()
    return None


def _tell_failure(error: LipsyncError, status: Status, notifier: Notifier) -> None:
    """The last words: why the daemon did not come up, or cannot go on."""
    words = f"{error.message} {error.hint}"
    event = ENTRIES.get(type(error))
    if event is None and status.condition in ALIVE:
        log.critical("%s", words, exc_info=error.__cause__)
    else:
        cause = error.__cause__ if isinstance(error, InternalError) else None
        emit(event or LOAD_FAILED, "%s", words, cause=cause, ERROR=error.name)
    notifier.status(words)


def _ended(code: int) -> Never:
    """Leave with `code`; past threads that hang in native code, and a device that is lost."""
    logging.shutdown()
    os._exit(code)  # the interpreter's own end would wait for them, or abort
