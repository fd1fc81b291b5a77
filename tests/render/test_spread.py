"""A long job is made in parts by several processes, in turns with others, and is the same bytes."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.checkpoints import random_generator, write_safetensors
from support.daemon.process import children, ready
from support.daemon.served import Daemon, answer, child

SECONDS = 60.0
OPTIONS = ("--crf", "51", "--blend", "box")
SPREAD = "[render]\nprocesses = 4\n"
ALONE = "[render]\nprocesses = 1\n"
TURNS = "[render]\nprocesses = 1\nmax_active = 1\nturn_seconds = 0\n"


@pytest.fixture(scope="module")
def weights(made: Path) -> Path:
    return write_safetensors(made / "spread.safetensors", random_generator())


@pytest.fixture(scope="module")
def voice(speak: Callable[[float], Path]) -> Path:
    return speak(SECONDS)


Serve = Callable[..., Iterator[Daemon]]


@pytest.fixture
def serve(tmp_path: Path, weights: Path, voice: Path) -> Serve:
    """A daemon with these lines of configuration."""

    @contextmanager
    def served(toml: str, devices: str = '"cpu"') -> Iterator[Daemon]:
        head = f'checkpoint = "{weights}"\ndevices = [{devices}]\n'
        with ready(tmp_path, head + toml) as process:
            yield Daemon(tmp_path, process, voice)
        assert "Traceback" not in process.log
        assert not children(process.pid)

    return served


@pytest.fixture(scope="module")
def wanted(
    tmp_path_factory: pytest.TempPathFactory, weights: Path, voice: Path, neutral: Path
) -> str:
    """The packets of the result that one process makes."""
    folder = tmp_path_factory.mktemp("alone")
    with ready(folder, f'checkpoint = "{weights}"\n{ALONE}') as process:
        daemon = Daemon(folder, process, voice)
        job = daemon.submit(*OPTIONS, face=neutral)
        while not answer(folder, "status", job)["job"]["done"]:
            assert not helpers(daemon)
        return daemon.result_of(job)


def helpers(daemon: Daemon) -> dict[int, str]:
    """The processes that make parts."""
    below = children(daemon.process.pid)
    return {pid: title for pid, title in below.items() if title.startswith("lipsyncd: part")}


def test_several_processes_make_the_bytes_that_one_makes(
    serve: Serve, neutral: Path, wanted: str
) -> None:
    with serve(SPREAD) as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        helped: set[int] = set()
        while len(helped) < 3:
            helped |= helpers(daemon).keys()
        far = []
        while (seen := answer(daemon.directory, "status", job)["job"])["state"] == "running":
            far.append(seen["done"])
        assert far == sorted(far)
        assert daemon.result_of(job) == wanted
        assert (seen["done"], seen["faces"]) == (seen["total"], seen["total"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_helps_and_dies_costs_nothing(
    serve: Serve, neutral: Path, wanted: str, number: signal.Signals
) -> None:
    with serve(SPREAD) as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        os.kill(child(daemon.process, "part"), number)
        assert daemon.result_of(job) == wanted
        assert daemon.end_of(job)["attempts"] == 1
        assert f"job {job}: a process that helped with part" in daemon.process.log


def test_who_leads_may_die_while_others_help(serve: Serve, neutral: Path, wanted: str) -> None:
    with serve(SPREAD) as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        child(daemon.process, "part")
        os.kill(child(daemon.process, f"render {job}"), signal.SIGKILL)
        assert daemon.result_of(job) == wanted


def test_a_job_that_several_made_goes_on_after_the_daemon_was_killed(
    serve: Serve, neutral: Path, wanted: str
) -> None:
    with serve(SPREAD) as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        while answer(daemon.directory, "status", job)["job"]["done"] <= 1000:
            pass  # more than four processes can be at without one part that is kept
        daemon.process.end(signal.SIGKILL)
        daemon.process.start()
        assert daemon.result_of(job) == wanted
        assert f"job {job}: goes on after " in daemon.process.log


def test_parts_are_spread_over_the_devices_of_which_one_may_die(
    serve: Serve, neutral: Path, wanted: str
) -> None:
    with serve(SPREAD, '"cpu", "cpu"') as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        while len(helpers(daemon)) < 3:
            pass
        served = Counter()
        while sorted(served.values()) != [2, 2]:
            devices = answer(daemon.directory, "info")["devices"]
            served = Counter({at: each["jobs"] for at, each in enumerate(devices)})
        os.kill(child(daemon.process, "device"), signal.SIGKILL)
        assert daemon.result_of(job) == wanted


def test_a_job_that_is_cancelled_has_no_process_left(serve: Serve, neutral: Path) -> None:
    with serve(SPREAD) as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        child(daemon.process, "part")
        assert answer(daemon.directory, "cancel", job)
        assert daemon.end_of(job)["state"] == "cancelled"
        while helpers(daemon):
            time.sleep(0.01)


def test_a_short_job_begins_between_two_parts_of_a_long_one(
    serve: Serve, neutral: Path, wanted: str, word: Path
) -> None:
    with serve(TURNS) as daemon:
        long = daemon.submit(*OPTIONS, face=neutral)
        while not answer(daemon.directory, "status", long)["job"]["done"]:
            pass
        short = Daemon(daemon.directory, daemon.process, word).submit(*OPTIONS, face=neutral)
        assert daemon.end_of(short)["state"] == "succeeded"
        between = answer(daemon.directory, "status", long)["job"]
        assert 0 < between["done"] < between["total"]
        assert daemon.result_of(long) == wanted
        ended = daemon.end_of(long)
        assert (ended["attempts"], ended["done"]) == (1, ended["total"])
        told = [line for line in daemon.process.log.splitlines() if f"job {long}" in line]
        assert len(told) == 3, told  # submitted, started, done: turns are no news


def test_a_reload_lets_processes_help_that_come_after_it(
    serve: Serve, neutral: Path, wanted: str
) -> None:
    with serve(SPREAD) as daemon:
        job = daemon.submit(*OPTIONS, face=neutral)
        child(daemon.process, "part")
        daemon.process.process.send_signal(signal.SIGHUP)
        assert daemon.result_of(job) == wanted
        while "the checkpoint is the same" not in daemon.process.log:
            pass
        assert "a process that helped" not in daemon.process.log
