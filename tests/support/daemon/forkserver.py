"""Daemons at the price of a fork: a process that has imported all there is forks them.

It is run as `forkserver.py`.  Each line on stdin is JSON: a list of words begins a life with these
arguments, and its pid comes on stdout; a pid waits for the end of that life, and its exit code
comes, minus the signal if one ended it.  No life outlives the process.
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

PR_SET_PDEATHSIG = 1
BLOCKED = (signal.SIGTERM, signal.SIGHUP)  # until the daemon takes them
SOON = 0.05  # seconds
PATIENT = ("RETRY_SECONDS", "REST_SECONDS")  # of the daemon's modules


class Mould:
    """Such a process, from outside."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        """The lives write to `log`."""
        paths = {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                env={**os.environ, **paths, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def begin(self, words: Sequence[str]) -> "Life":
        """A daemon with these arguments."""
        return Life(self, self._ask(list(words)))

    def code_of(self, pid: int) -> int:
        """The exit code of a life that has ended."""
        return self._ask(pid)

    def close(self) -> None:
        """End every life."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, what: object) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(what)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


class Life:
    """One daemon."""

    def __init__(self, mould: Mould, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None  # once it is known to have ended
        self._mould = mould
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
            self.code = self._mould.code_of(self.pid)
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
    for module, name in product(list(sys.modules.values()), PATIENT):
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
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
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
