"""What was accepted comes out once, and whole, through kills, set clocks and lost files."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from support.daemon import reencoding
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon
from torture.kills import torture

KILLS = 25
HOUR = 3600
ONE_AT_A_TIME = "[render]\nmax_active = 1\n"


def test_killed_at_random_moments_it_loses_nothing_and_delivers_nothing_twice(
    tmp_path: Path,
) -> None:
    tally = torture(tmp_path, KILLS, seed=4)
    assert tally.is_clean, tally
    assert tally.kills == KILLS
    assert tally.accepted > 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_death_of_the_daemon_says_nothing_against_its_jobs(tmp_path: Path, number: int) -> None:
    with reencoding_daemon(tmp_path) as daemon:
        daemon.hold()
        jobs = [daemon.submit() for _ in range(3)]
        for _ in range(3):
            while daemon.persist(lambda client: client.job(jobs[0]))["state"] != "running":
                pass
            daemon.end(number)
            daemon.start()
        daemon.let_go()
        ended = [daemon.end_of(job) for job in jobs]
        assert [job["state"] for job in ended] == ["succeeded"] * 3
        assert ended[0]["attempts"] == 4
        crashes = 3 if number == signal.SIGABRT else 0
        assert daemon.log.count("the daemon's last life ended badly:") == crashes
        assert daemon.log.count("Fatal Python error: Aborted") == crashes


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_ends_no_job_before_its_time(tmp_path: Path, hours: int) -> None:
    with reencoding_daemon(tmp_path, ONE_AT_A_TIME) as daemon:
        daemon.hold()
        daemon.submit()
        done = daemon.submit(expires=HOUR // 2)
        before = created_at(daemon, done)
        (tmp_path / "clock").write_text(str(hours * HOUR))
        while abs(created_at(daemon, done) - before) < HOUR / 2:
            pass  # the daemon has not noticed yet
        daemon.end(signal.SIGKILL)
        daemon.start()
        daemon.let_go()
        ended = daemon.end_of(done)
        assert ended["state"] == "succeeded"
        assert 0 <= ended["ended_at"] - ended["created_at"] < HOUR // 2


def test_a_clock_that_is_set_while_the_daemon_is_away_is_noticed_as_well(tmp_path: Path) -> None:
    with reencoding_daemon(tmp_path, ONE_AT_A_TIME) as daemon:
        daemon.hold()
        daemon.submit()
        job = daemon.submit(expires=HOUR // 2)
        daemon.end(signal.SIGKILL)
        (tmp_path / "clock").write_text(str(HOUR))
        daemon.start()
        daemon.let_go()
        assert daemon.end_of(job)["state"] == "succeeded"


def test_a_spooled_file_that_is_deleted_costs_its_own_job_only(tmp_path: Path) -> None:
    with reencoding_daemon(tmp_path, ONE_AT_A_TIME) as daemon:
        daemon.hold()
        daemon.submit()
        jobs = [daemon.submit() for _ in range(3)]
        (daemon.state / "spool" / jobs[1] / "voice").unlink()
        daemon.let_go()
        ended = [daemon.end_of(job) for job in jobs]
        assert [job["state"] for job in ended] == ["succeeded", "failed", "succeeded"]
        assert ended[1]["error"]["name"] == "input.gone"


def test_a_stopped_process_goes_on_where_it_was(tmp_path: Path) -> None:
    with reencoding_daemon(tmp_path) as daemon:
        job = daemon.submit()
        told: list[Any] = []
        waiting = threading.Thread(target=lambda: told.append(daemon.end_of(job)))
        waiting.start()
        os.kill(daemon.pid, signal.SIGSTOP)
        waiting.join(0.3)
        os.kill(daemon.pid, signal.SIGCONT)
        waiting.join()
        assert told[0]["state"] == "succeeded"


def test_changing_or_removing_the_files_after_the_acceptance_changes_nothing(
    tmp_path: Path,
) -> None:
    with reencoding_daemon(tmp_path, ONE_AT_A_TIME) as daemon:
        daemon.hold()
        daemon.submit()
        job = daemon.submit()
        daemon.face.write_bytes(b"another")
        daemon.voice.unlink()
        daemon.let_go()
        assert daemon.end_of(job)["state"] == "succeeded"
        assert reencoding.frames_in(daemon.state / "spool" / job / "result") == reencoding.FRAMES


def created_at(daemon: ReencodingDaemon, job: str) -> float:
    return float(daemon.persist(lambda client: client.job(job))["created_at"])
