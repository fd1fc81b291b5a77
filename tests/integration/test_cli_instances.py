"""`lipsyncctl` with several daemons, and what it does for their operator."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.client.command import RENDER, lipsyncctl, messages, started
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate

from lipsyncd.errors import CheckpointInvalid


class Site:
    """Daemons by the name of their socket, in one folder, and the command that finds them all."""

    def __init__(self, directory: Path, **daemons: Daemon) -> None:
        self.directory = directory
        self.daemons = daemons
        for name, daemon in daemons.items():
            (directory / f"{name}.sock").symlink_to(daemon.config.socket)

    def ctl(self, *words: str) -> Any:
        return lipsyncctl(self.directory, "--socket", str(self.directory), *words)


@contextmanager
def apart(directory: Path, gate: Gate, **how: Any) -> Iterator[Daemon]:
    """A daemon in a folder of its own."""
    directory.mkdir()
    with living(directory, gate.render, **how) as daemon:
        yield daemon
        gate.let_go(1000)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two daemons, cuda0 and cuda1, whose jobs do not end by themselves."""
    folder = tmp_path / "run"
    folder.mkdir()
    with apart(tmp_path / "0", Gate()) as first, apart(tmp_path / "1", Gate()) as second:
        for daemon in (first, second):
            with daemon.client() as client:
                while not client.ask("health")["ready"]:
                    pass
        yield Site(folder, cuda0=first, cuda1=second)


def jobs_of(daemon: Daemon) -> list[str]:
    with daemon.client() as client:
        return [job["id"] for job in client.ask("list")["jobs"]]


def test_jobs_go_to_the_least_busy_daemon(site: Site) -> None:
    for _ in range(4):
        assert site.ctl("submit", *RENDER).returncode == 0
    assert [len(jobs_of(daemon)) for daemon in site.daemons.values()] == [2, 2]


def test_a_daemon_that_still_loads_is_the_last_choice(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    loading = apart(tmp_path / "0", Gate(), is_loaded=False)
    with loading as first, apart(tmp_path / "1", Gate()) as second:
        site = Site(tmp_path / "run", cuda0=first, cuda1=second)
        second.is_ready.wait()
        for _ in range(3):
            site.ctl("submit", *RENDER)
        assert len(jobs_of(second)) == 3


def test_a_job_is_found_wherever_it_is(site: Site) -> None:
    jobs = [site.ctl("submit", *RENDER).stdout.strip() for _ in range(2)]
    for job in jobs:
        assert site.ctl("status", job).stdout.split()[1] == job
    assert [jobs_of(daemon) for daemon in site.daemons.values()] == [[jobs[0]], [jobs[1]]]


def test_a_job_that_nobody_has_is_unknown(site: Site) -> None:
    ended = site.ctl("status", "nothing")
    assert ended.returncode == 5


def test_run_brings_its_own_result(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    gate = Gate()
    gate.let_go(1000)
    with apart(tmp_path / "0", gate) as first, apart(tmp_path / "1", gate) as second:
        site = Site(tmp_path / "run", cuda0=first, cuda1=second)
        for name in ("one.mp4", "two.mp4"):
            assert site.ctl("run", *RENDER, "-o", name).returncode == 0
            assert (tmp_path / "run" / name).read_bytes() == b"facevoice"


def test_list_shows_the_jobs_of_all_the_oldest_first(site: Site) -> None:
    jobs = [site.ctl("submit", *RENDER).stdout.strip() for _ in range(3)]
    _, *rows = site.ctl("list").stdout.splitlines()
    assert [row.split()[0] for row in rows] == jobs


def test_health_names_each_and_is_as_bad_as_the_worst(site: Site, tmp_path: Path) -> None:
    healthy = site.ctl("health")
    assert healthy.returncode == 0
    assert [line.split(":")[0] for line in healthy.stdout.splitlines()] == ["cuda0", "cuda1"]
    named = [each["instance"] for each in messages(site.ctl("health", "--json").stdout)]
    assert named == ["cuda0", "cuda1"]
    (site.directory / "cuda2.sock").symlink_to(tmp_path / "nothing")
    assert site.ctl("health").returncode == 2


def test_one_daemon_that_is_gone_does_not_hide_the_others(site: Site, tmp_path: Path) -> None:
    (site.directory / "a.sock").symlink_to(tmp_path / "nothing")
    job = site.ctl("submit", *RENDER).stdout.strip()
    assert site.ctl("status", job).returncode == 0
    listed = site.ctl("list")
    assert job in listed.stdout
    assert listed.returncode == 7


def test_the_same_key_is_the_same_job_wherever_it_went(site: Site) -> None:
    for key in ("one", "two", "three", "four"):
        found = {site.ctl("submit", *RENDER, "--key", key).stdout for _ in range(3)}
        assert len(found) == 1
    assert sum(len(jobs_of(daemon)) for daemon in site.daemons.values()) == 4


def test_the_first_end_is_noticed_wherever_it_is(site: Site) -> None:
    jobs = [site.ctl("submit", *RENDER).stdout.strip() for _ in range(4)]
    with site.daemons["cuda1"].client() as client:
        client.ask("cancel", job=jobs[3])
    ended = site.ctl("wait", "--any", *jobs)
    assert (ended.returncode, ended.stdout) == (3, f"{jobs[3]}\n")


def test_follow_names_the_daemon_in_each_line(site: Site) -> None:
    jobs = [site.ctl("submit", *RENDER).stdout.strip() for _ in range(4)]
    with started(site.directory, "--socket", str(site.directory), "follow", *jobs[2:]) as process:
        while len(os.listdir(f"/proc/{process.pid}/task")) < 3:
            pass  # it has told how they are now, and listens in a thread for each daemon
        for job, daemon in zip(jobs[2:], site.daemons.values(), strict=True):
            with daemon.client() as client:
                client.ask("cancel", job=job)
        answer, _ = process.communicate()
    assert process.returncode == 3
    told = sorted(line.split() for line in answer.splitlines() if line.endswith("cancelled"))
    assert [(parts[0], parts[4]) for parts in told] == [("cuda0", jobs[2]), ("cuda1", jobs[3])]


def test_a_number_to_follow_from_is_that_of_one_daemon(site: Site) -> None:
    ended = site.ctl("follow", "--since", "3")
    assert ended.returncode == 2
    assert "Each daemon counts for itself" in ended.stderr


def test_all_are_drained_and_resumed(site: Site) -> None:
    drained = site.ctl("drain", "--reason", "new disks")
    assert [line.split(":")[0] for line in drained.stdout.splitlines()] == ["cuda0", "cuda1"]
    assert site.ctl("submit", *RENDER).returncode == 6
    listed = site.ctl("list")
    assert "cuda1: The queue is drained: new disks." in listed.stderr
    assert len(site.ctl("resume").stdout.splitlines()) == 2
    assert site.ctl("submit", *RENDER).returncode == 0


def test_reload_says_what_changed(site: Site) -> None:
    ended = site.ctl("reload")
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == [
        "cuda0: nothing is loaded anew",
        "cuda1: nothing is loaded anew",
    ]


def test_a_reload_that_is_refused_says_why_and_has_its_exit_code(site: Site) -> None:
    daemon = site.daemons["cuda0"]
    only = ["--socket", str(daemon.config.socket)]
    daemon.toml.write_text("colour = 1")
    ended = site.ctl(*only, "reload")
    assert ended.returncode == 78
    assert "colour is not one of" in ended.stderr
    daemon.toml.write_text("")
    daemon.renderer.fault = CheckpointInvalid("The checkpoint is damaged.", "Copy it again.")
    assert site.ctl(*only, "reload").returncode == 66


def test_logs_become_journalctl(tmp_path: Path) -> None:
    (tmp_path / "journalctl").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "journalctl").chmod(0o700)
    prefix = ["env", f"PATH={tmp_path}:{os.environ['PATH']}"]
    ended = lipsyncctl(tmp_path, "logs", "k3", prefix=prefix)
    assert (ended.returncode, ended.stdout.split()[-1]) == (0, "LIPSYNCD_JOB_ID=k3")
    assert "--output=json" in lipsyncctl(tmp_path, "logs", "k3", "--json", prefix=prefix).stdout


def test_a_job_that_the_journal_does_not_know_is_no_empty_story(tmp_path: Path) -> None:
    (tmp_path / "journalctl").write_text("#!/bin/sh\n")
    (tmp_path / "journalctl").chmod(0o700)
    ended = lipsyncctl(tmp_path, "logs", "k3", prefix=["env", f"PATH={tmp_path}:/bin"])
    assert ended.returncode == 1
    assert "The journal has nothing about job k3. Look where `lipsyncd`" in ended.stderr


def test_where_there_is_no_journal_logs_say_so(tmp_path: Path) -> None:
    (tmp_path / "env").symlink_to(str(shutil.which("env")))
    ended = lipsyncctl(tmp_path, "logs", "k3", prefix=["env", f"PATH={tmp_path}"])
    assert ended.returncode == 2
    assert "There is no journal" in ended.stderr
