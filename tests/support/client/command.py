"""lipsyncctl as its user starts it: a process of its own, where a face and a voice are at hand."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.paths import PACKAGES

# a shell may have started the tests with SIGINT ignored, which a child inherits
LIPSYNCCTL = ("env", "--default-signal=INT", sys.executable, "-m", "lipsyncctl")
RENDER = ("-a", "hello.wav", "speaker.mp4")

Process = subprocess.Popen[str]


@contextmanager
def started(
    directory: Path, *words: str, prefix: Sequence[str] = (), **how: Any
) -> Iterator[Process]:
    """The running command; its socket is the one that a daemon living in `directory` has."""
    (directory / "speaker.mp4").write_bytes(b"face")
    (directory / "hello.wav").write_bytes(b"voice")
    env = os.environ | {
        "LIPSYNCD_SOCKET": str(directory / "control.sock"),
        "PYTHONPATH": PACKAGES,
        "PYTHONUTF8": "1",
        "TERM": "xterm",
    }
    outs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    pipes = {"stdin": subprocess.DEVNULL} | outs | how
    command = [*prefix, *LIPSYNCCTL, *words]
    with subprocess.Popen(command, cwd=directory, env=env, **pipes) as it:
        try:
            yield it
        finally:
            it.kill()


def lipsyncctl(
    directory: Path, *words: str, prefix: Sequence[str] = (), **how: Any
) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    with started(directory, *words, prefix=prefix, **how) as process:
        answer, notices = process.communicate()
        return subprocess.CompletedProcess(words, process.returncode, answer, notices)


def read_until(process: Process, words: str) -> str:
    """What the process says on stderr up to a line with these words."""
    read = ""
    for line in process.stderr or ():
        read += line
        if words in line:
            return read
    raise AssertionError(f"never said {words!r}, but {read!r}")


def messages(answer: str) -> list[dict[str, Any]]:
    """The answer of a command that was asked for JSON."""
    return [json.loads(line) for line in answer.splitlines()]
