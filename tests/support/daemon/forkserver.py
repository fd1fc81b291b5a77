"""Daemons at the price of a fork: a process that has imported all there is forks them.

It is run as `python -m support.daemon.forkserver`.  Each line on stdin is JSON: a list of words
begins a daemon with these arguments, and its pid comes on stdout; a pid waits for the end of that
daemon, and its exit code comes, minus the signal if one ended it.  None outlives the process.
"""

import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Never

from lipsyncd.main import live
from support.daemon import reencoding
from support.daemon.process import spawn

PR_SET_PDEATHSIG = 1
SOON = 0.05  # seconds
WAITS = ("RETRY_SECONDS", "REST_SECONDS")  # of the daemon's modules


class ForkServer:
    """Such a process, from outside."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        """The lives write to `log`."""
        self._process = spawn(
            "-m",
            "support.daemon.forkserver",
            log=log,
            environment={"OPENBLAS_NUM_THREADS": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, words: Sequence[str]) -> "ForkedDaemon":
        """A daemon with these arguments."""
        return ForkedDaemon(self, self._ask(list(words)))

    def code_of(self, pid: int) -> int:
        """The exit code of a life that has ended."""
        return self._ask(pid)

    def close(self) -> None:
        """End every life."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, what: object) -> int:
        self._process.stdin.write(f"{json.dumps(what)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


class ForkedDaemon:
    """One daemon, from outside; it is no child of this process."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None  # once it is known to have ended
        self._server = server
        self._end = os.pidfd_open(pid)

    def tell(self, number: int) -> None:
        """Send a signal."""
        if self.code is None:
            signal.pidfd_send_signal(self._end, number)

    def ended(self, timeout: float = 0.0) -> bool:
        """Whether it has ended, or does within so many seconds."""
        if self.code is None:
            poll = select.poll()
            poll.register(self._end, select.POLLIN)
            if not poll.poll(1000 * timeout):
                return False
            self.code = self._server.code_of(self.pid)
            os.close(self._end)
        return True

    def kill(self) -> int:
        """End it at once; its exit code."""
        self.tell(signal.SIGKILL)
        self.ended(60.0)
        assert self.code is not None
        return self.code


def hasten() -> None:
    """What waits for a disk to be mended looks again soon: how often it does is the same."""
    for module, name in product(list(sys.modules.values()), WAITS):
        if module.__name__.startswith("lipsyncd") and hasattr(module, name):
            vars(module)[name] = SOON


def begin(words: Sequence[str]) -> int:
    """Fork a daemon; its pid."""
    assert threading.active_count() == 1  # a fork would leave the others' locks closed
    pid = os.fork()
    if not pid:
        become(words)
    return pid


def become(words: Sequence[str]) -> Never:
    """The daemon, in the child."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with open(os.devnull, "r+b") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(nothing.fileno(), 1)
        sys.argv = [reencoding.__file__, *words]
        live(reencoding.load)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(1)  # which it never ends with by itself


def main() -> None:
    hasten()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, list):
            answer = begin(asked)
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
        print(answer, flush=True)


if __name__ == "__main__":
    main()
