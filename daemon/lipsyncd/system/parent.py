"""What a process that the daemon has started knows of it: one socket, and that it ends with it."""

import ctypes
import logging
import os
import signal
import socket
import sys

from lipsyncd.protocol.connection import Connection
from lipsyncd.system import journal
from lipsyncd.system.native import set_up_libraries

PR_SET_PDEATHSIG = 1  # of prctl(2)


def connected(with_threads: bool = True) -> Connection:
    """The talk with the daemon, over the descriptor that is the first argument.

    Call it first.  From then on the process is killed when the daemon ends.  `with_threads`: the
    log may have one.
    """
    set_up_libraries()
    journal.set_up(with_threads)
    die_with_parent()
    return Connection(socket.socket(fileno=int(sys.argv[1])))


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends, as it does with the daemon."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def leave(code: int) -> None:
    """End at once, past threads that hang in native code."""
    logging.shutdown()  # the last words have to get out
    sys.stderr.flush()
    os._exit(code)
