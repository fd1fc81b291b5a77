"""What verbs of the command line take of the processor, by what importing takes that they need."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from measuring import Figures
from service import Daemon
from support.paths import PACKAGES

from lipsyncctl.manual.completion import IDS
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.rows import INSERT, row_of
from lipsyncd.queue.transitions import new_job
from lipsyncd.service.controlplane import STORE

JOBS = 10_000  # in the store; `list` shows the newest, `list --all` every one
ASKED = 11  # times each, in turns
NEEDED = "-c", "import argparse, socket, msgpack"
COMMAND = (
    "-c",
    "import sys; from lipsyncctl.main import main; sys.exit(main())",
)  # as it is installed
VERBS = ("--help",), ("health",), ("list",), ("info",), ("list", "--quiet"), ("list", "--all")
ASKS, AGAIN = "completion", "completion, for the next key"  # one right after the other


def full_store(state: Path) -> None:
    """A state directory in which so many jobs have ended."""
    state.mkdir(parents=True)
    database = Database(state / STORE)
    with database.transaction() as db:
        for job in map(ended, range(JOBS)):
            db.execute(INSERT, row_of(job))
            happened = (job.ended_at, job.id, job.state)
            db.execute("INSERT INTO happenings (at, job, state) VALUES (?, ?, ?)", happened)
    database.close()


def ended(number: int) -> Job:
    """One of them."""
    job = new_job(os.getuid(), f"face-{number}.mp4", f"voice-{number}.wav", Options())
    times = {"started_at": job.created_at, "ended_at": job.created_at + 2}
    figures = {"done": 250, "total": 250, "faces": 250, "fps": 62.5, "attempts": 1}
    return replace(job, state=State.SUCCEEDED, **times, **figures)


def command_figures(ready: Daemon) -> Figures:
    """Medians of runs in turns, each in units of a Python that only imports what verbs need."""
    runs = {" ".join(words): (sys.executable, *COMMAND, *words) for words in VERBS}
    ids = "sh", "-c", IDS
    runs |= {"needed": (sys.executable, *NEEDED), ASKS: ids, AGAIN: ids}
    spent: dict[str, list[float]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as kept:
        environment = asking(ready, kept)
        for _ in range(1 + ASKED):  # the first one compiles, and is not counted
            for name, words in runs.items():
                spent[name].append(cpu_seconds(words, environment))
    found = {name: statistics.median(each[1:]) for name, each in spent.items()}
    needed = found.pop("needed")
    return {f"lipsyncctl {name}": each / needed for name, each in found.items()}


def asking(ready: Daemon, kept: str) -> Mapping[str, str]:
    """The environment of who asks this daemon; completion keeps what it was told."""
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    own = {"PATH": path, "PYTHONPATH": PACKAGES, "PYTHONDONTWRITEBYTECODE": ""}
    return os.environ | own | {"LIPSYNCD_SOCKET": str(ready.socket), "XDG_RUNTIME_DIR": kept}


def cpu_seconds(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """User and system time of a command and of what it has started."""
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=environment, **nowhere) as process:
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return usage.ru_utime + usage.ru_stime
