"""The template process: everything that a render needs, imported and warm, ready to be forked.

It has one thread, so that a fork of it is whole, and opens no media.
"""

import gc
import importlib
import os
import pkgutil
import socket
import time
from pathlib import Path

import av
from setproctitle import setproctitle

from lipsyncd.errors import LipsyncError
from lipsyncd.media.mel import warm_up
from lipsyncd.model.detector import load_detector
from lipsyncd.model.weights import WeightsFile
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.render import process
from lipsyncd.render.mouths import heard
from lipsyncd.system.parent import connected, die_with_parent, leave

PAUSE = 0.0005  # seconds


def main() -> None:
    """Get warm, then fork a render whenever the daemon says so, until it hangs up."""
    setproctitle("lipsyncd: template")
    daemon, parent = connected(with_threads=False), os.getppid()
    if detector := prepared(daemon):
        while (message := daemon.receive()) is not None:
            channel = message.take()
            if is_render(parent):
                os.close(daemon.fileno())
                try:
                    process.run(Connection(socket.socket(fileno=channel)), detector)
                finally:
                    leave(0)
            os.close(channel)  # no more: the socket is the render's as well


def prepared(daemon: Connection) -> WeightsFile | None:
    """The detector that the daemon names; None if it cannot be had, which the daemon is told."""
    with heard(daemon) as message:
        path = Path(str(message.body["detector"]))
    try:
        detector = load_detector(path, lambda _: None)
    except LipsyncError as error:
        daemon.send(Kind.ERROR, error.as_map())
        return None
    import_all()
    warm_up()
    gc.freeze()  # what is there stays shared
    daemon.send(Kind.REPLY, {})
    return detector


def import_all() -> None:
    """PyAV imports some parts of itself where it first meets them: a render can no more."""
    for part in pkgutil.walk_packages(av.__path__, "av."):
        importlib.import_module(part.name)


def is_render(parent: int) -> bool:
    """Fork: whether this is the new process, whose parent is ours now: the daemon.

    So it outlives the template, and who waits for its end is who asked for it.
    """
    if child := os.fork():
        os.waitpid(child, 0)
        return False
    between = os.getpid()
    if os.fork():
        leave(0)
    while os.getppid() == between:
        time.sleep(PAUSE)
    die_with_parent()
    if os.getppid() != parent:  # the daemon has ended meanwhile
        leave(0)
    return True


if __name__ == "__main__":
    main()
    leave(0)
