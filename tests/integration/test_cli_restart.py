"""A client goes on when the daemon dies under it and comes back: nothing is lost, nothing twice."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.client.command import RENDER, Process, lipsyncctl, messages, read_until, started
from support.daemon.inprocess import Daemon, living
from support.daemon.stepped import stepped_daemon

from lipsyncctl.main import main

KILL = signal.SIGKILL


def jobs_of(daemon: Daemon) -> list[str]:
    with daemon.client() as client:
        return [job["id"] for job in client.ask("list")["jobs"]]


def submitted(directory: Path) -> str:
    return lipsyncctl(directory, "submit", *RENDER).stdout.strip()


def is_following(process: Process) -> bool:
    """It has found its jobs, and listens to what happens in a thread of its own."""
    return len(os.listdir(f"/proc/{process.pid}/task")) > 1


def read_line(process: Process) -> str:
    assert process.stdout
    return process.stdout.readline()


@contextmanager
def bereft(directory: Path, message: str, *words: str) -> Iterator[Process]:
    """A command whose daemon was killed just before it would have sent this message."""
    with (
        stepped_daemon(directory, f"mute {message}") as daemon,
        started(directory, *words) as process,
    ):
        daemon.let_go()
        assert daemon.wait() == -KILL
        yield process


def test_run_survives_the_death_of_the_daemon(tmp_path: Path) -> None:
    with (
        stepped_daemon(tmp_path) as daemon,
        started(tmp_path, "run", *RENDER, "-o", "out.mp4") as process,
    ):
        read_until(process, "running")
        daemon.end(KILL)
        read_until(process, "Trying again for up to 60 s")
        with living(tmp_path):
            answer, notices = process.communicate()
    assert process.returncode == 0, notices
    assert answer.startswith("out.mp4: 3 frames")
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"


def test_a_job_whose_acceptance_was_never_heard_of_is_accepted_once(tmp_path: Path) -> None:
    with bereft(tmp_path, "accepted", "submit", *RENDER) as process, living(tmp_path) as daemon:
        answer, notices = process.communicate()
        (job,) = jobs_of(daemon)
    assert (process.returncode, answer) == (0, f"{job}\n")
    assert "hung up. Trying again for up to 60 s." in notices


@pytest.mark.parametrize("message", ["accepted", "finished", "fetched"])
def test_run_renders_once_whatever_it_did_not_hear_of(tmp_path: Path, message: str) -> None:
    words = ["run", *RENDER, "-o", "out.mp4"]
    with bereft(tmp_path, message, *words) as process, living(tmp_path) as daemon:
        _, notices = process.communicate()
        assert len(jobs_of(daemon)) == 1
    assert process.returncode == 0, notices
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"


def test_waiting_for_any_survives_the_death_of_the_daemon(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon:
        jobs = [submitted(tmp_path) for _ in range(2)]
        with started(tmp_path, "wait", "--any", *jobs) as process:
            while not is_following(process):
                pass
            daemon.end(KILL)
            read_until(process, "Trying again")
            with living(tmp_path):
                answer, _ = process.communicate()
    assert answer.strip() in jobs
    assert process.returncode == 0


def test_following_tells_that_a_job_is_back_after_a_crash(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon:
        job = submitted(tmp_path)
        daemon.come_to("step 1")
        with started(tmp_path, "follow", job) as process:
            assert read_line(process).endswith(f"  {job}  running\n")
            daemon.end(KILL)
            with living(tmp_path):
                rest, _ = process.communicate()
    states = [line.split(maxsplit=4)[4].split(", 3 frames")[0] for line in rest.splitlines()]
    assert states == ["queued again, its render was cut short", "running", "succeeded"]


def test_waiting_ends_with_the_way_back_when_the_daemon_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lipsyncctl.client.outage.ENDURANCE", 0.2)  # instead of a minute
    socket = str(tmp_path / "control.sock")
    monkeypatch.setattr("sys.argv", ["lipsyncctl", "--socket", socket, "wait", "one", "two"])
    assert main() == 7
    last = capsys.readouterr().err.splitlines()[-1]
    command = f"`lipsyncctl wait --socket {socket} one two`"
    assert last.endswith(f" s. Accepted jobs are safe: {command} once the daemon is back.")


def test_a_time_limit_holds_while_the_daemon_is_away(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon:
        job = submitted(tmp_path)
        daemon.end(KILL)
    ended = lipsyncctl(tmp_path, "wait", "--timeout", "1", job)
    assert ended.returncode == 124
    assert "Trying again for up to 1 s." in ended.stderr
    assert ended.stderr.endswith("The time is up; what has not ended goes on.\n")


@pytest.mark.parametrize("words", [("wait",), ("wait", "--any")])
def test_a_time_limit_holds_while_the_daemon_hangs(tmp_path: Path, words: tuple[str, ...]) -> None:
    with stepped_daemon(tmp_path) as daemon:
        job = submitted(tmp_path)
        daemon.process.send_signal(signal.SIGSTOP)
        assert lipsyncctl(tmp_path, *words, "--timeout", "1s", job).returncode == 124


@pytest.mark.parametrize("fault", ["none", "mute happened"])
def test_following_misses_nothing_and_repeats_nothing(tmp_path: Path, fault: str) -> None:
    with stepped_daemon(tmp_path) as first:
        job = submitted(tmp_path)
        first.come_to("step 1")
        with started(tmp_path, "follow", "--json", "--since", "0", job) as process:
            told = [read_line(process), read_line(process)]
            first.end(KILL)
            read_until(process, "Trying again")
            process.send_signal(signal.SIGSTOP)  # or it might hear of the job before that runs
            with stepped_daemon(tmp_path, fault) as second:
                second.come_to("step 1")
                process.send_signal(signal.SIGCONT)
                second.end(KILL) if fault == "none" else second.wait()
            with living(tmp_path):
                rest, _ = process.communicate()
    happened = messages("".join(told) + rest)
    assert [each["seq"] for each in happened] == sorted({each["seq"] for each in happened})
    states = [each["job"]["state"] for each in happened]
    assert states == ["queued", "running"] * 3 + ["succeeded"]
    assert process.returncode == 0
