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
from lipsyncd.media import speech
from lipsyncd.media.mel import warm_up
from lipsyncd.model.detector import load_detector
from lipsyncd.model.expert import load_expert
from lipsyncd.model.landmarker import load_landmarker
from lipsyncd.model.recogniser import load_recogniser
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.render import process
from lipsyncd.render.models import Weights
from lipsyncd.render.mouths import heard
from lipsyncd.system.parent import connected, die_with_parent, leave

PAUSE = 0.0005  # seconds


def main() -> None:
    """Get warm, then fork a render whenever the daemon says so, until it hangs up."""
    setproctitle("lipsyncd: template")
    daemon, parent = connected(with_threads=False), os.getppid()
    if weights := prepared(daemon):
        while (message := daemon.receive()) is not None:
            channel = message.take()
            if is_render(parent):
                os.close(daemon.fileno())
                try:
                    process.run(Connection(socket.socket(fileno=channel)), weights)
                finally:
                    leave(0)
            os.close(channel)  # no more: the socket is the render's as well


def prepared(daemon: Connection) -> Weights | None:
    """The weights that the daemon names; None if they cannot be had, which the daemon is told."""
    with heard(daemon) as message:
        paths = {name: Path(str(path)) for name, path in message.body.items()}
    try:
        weights = Weights(
            load_detector(paths["detector"], lambda _: None),
            load_landmarker(paths["landmarker"], lambda _: None),
            load_recogniser(paths["recogniser"], lambda _: None),
            load_expert(paths["expert"], lambda _: None),
        )
    except LipsyncError as error:
        daemon.send(Kind.ERROR, error.as_map())
        return None
    import_all()
    warm_up()
    speech.load(1)
    gc.freeze()  # what is there stays shared
    daemon.send(Kind.REPLY, {})
    return weights


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
