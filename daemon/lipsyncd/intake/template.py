"""The template of intakes: small, with one thread, so that a fork of it is quick and whole."""

import os
import signal
import socket

from setproctitle import setproctitle

from lipsyncd.intake import process
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.system.parent import connected, die_with_parent, leave


def main() -> None:
    """Fork an intake whenever the daemon says so, until it hangs up."""
    setproctitle("lipsyncd: intake template")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ends is gone, whenever that is
    daemon = connected(with_threads=False)
    while (message := daemon.receive()) is not None:
        if not message.descriptors:
            daemon.send(Kind.REPLY, {})  # it is ready
            continue
        channel = message.take()
        if not os.fork():
            os.close(daemon.fileno())
            die_with_parent()
            process.run(Connection(socket.socket(fileno=channel)))
            leave(0)
        os.close(channel)


if __name__ == "__main__":
    main()
    leave(0)
