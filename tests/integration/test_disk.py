"""A disk that fills costs at most a job: the queue waits for room, and goes on by itself."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.daemon import reencoding
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon

from lipsyncd.errors import DiskFull, LipsyncError, QueueFull
from lipsyncd.queue.contents import SPARE

SIZE = 4 << 20  # bytes of the disk
ROOMS = (0, 4, 8, 12, 16, 24, 32, 40, 48, 56, 64, 80, 96, 128, 192, 256)  # KiB that are left on it


@pytest.fixture
def disk(small_disk: Callable[[int], Path]) -> Path:
    """A small disk of its own for the state."""
    return small_disk(SIZE)


def fill(disk: Path, room: int) -> None:
    """Leave so many KiB free."""
    found = os.statvfs(disk)
    ballast = found.f_bavail * found.f_frsize - (room << 10)
    with (disk / "ballast").open("wb") as file:
        if ballast > 0:
            os.posix_fallocate(file.fileno(), 0, ballast)


def make_room(disk: Path) -> None:
    (disk / "ballast").unlink()


def is_settled(daemon: ReencodingDaemon, job: str) -> bool:
    """Whether nothing more happens: the job has ended, or the queue waits for room."""

    def ask(client: Any) -> bool:
        return client.job(job)["ended_at"] is not None or client.ask("health")["paused"] != ""

    return daemon.persist(ask)


def tried(daemon: ReencodingDaemon) -> str | LipsyncError:
    """A job, or why it was refused."""
    with daemon.client() as client:
        try:
            return client.hand_in(daemon.face, daemon.voice)
        except LipsyncError as error:
            return error


def running(daemon: ReencodingDaemon) -> str:
    """A job that runs, and goes on when it is let go."""
    daemon.hold()
    job = daemon.submit()
    while daemon.persist(lambda client: client.job(job))["state"] != "running":
        pass
    return job


def ends_once_there_is_room(daemon: ReencodingDaemon, disk: Path, job: str) -> None:
    """Whole, or by the name of the disk; then nothing of it is kept."""
    while not is_settled(daemon, job):
        pass
    make_room(disk)
    ended = daemon.end_of(job)
    assert ended["state"] in {"succeeded", "failed"}, ended
    if ended["state"] == "failed":
        assert ended["error"]["name"] == "disk.full"
        daemon.persist(lambda client: client.ask("clean", job=job))


@contextmanager
def unharmed(tmp_path: Path, disk: Path) -> Iterator[ReencodingDaemon]:
    """A daemon that takes what there is room for; in the end it lives, and holds what is kept."""
    with reencoding_daemon(tmp_path, "[limits]\nmin_free_bytes = 0\n", disk / "state") as daemon:
        yield daemon
        assert {"result"} <= {Path(name).name for name in daemon.spooled()} <= {"result", *SPARE}
        assert daemon.is_alive
        assert "Traceback" not in daemon.log


def test_wherever_a_disk_fills_nothing_is_lost(tmp_path: Path, disk: Path) -> None:
    with unharmed(tmp_path, disk) as daemon:
        for room in ROOMS:
            fill(disk, room)
            job = tried(daemon)
            if isinstance(job, LipsyncError):
                # by the name of the disk, or of the half of its room that is one user's
                assert isinstance(job, DiskFull | QueueFull), job
                make_room(disk)
                continue
            ends_once_there_is_room(daemon, disk, job)
        assert daemon.end_of(daemon.submit())["state"] == "succeeded"


def test_wherever_a_disk_fills_under_a_running_job_nothing_is_lost(
    tmp_path: Path, disk: Path
) -> None:
    with unharmed(tmp_path, disk) as daemon:
        for room in ROOMS:
            job = running(daemon)
            fill(disk, room)
            daemon.let_go()
            ends_once_there_is_room(daemon, disk, job)


def test_with_little_room_nothing_is_started_and_nothing_accepted_until_there_is_more(
    tmp_path: Path, disk: Path
) -> None:
    toml = f"[render]\nmax_active = 1\n[limits]\nmin_free_bytes = {SIZE // 2}\n"
    with reencoding_daemon(tmp_path, toml, disk / "state") as daemon:
        daemon.hold()
        running, waiting = daemon.submit(), daemon.submit()
        fill(disk, SIZE // 4 >> 10)
        daemon.let_go()
        assert daemon.end_of(running)["state"] == "succeeded"
        while not is_settled(daemon, waiting):
            pass
        health = daemon.persist(lambda client: client.ask("health"))
        assert health["paused"].startswith("The queue is paused: The disk of the state has less")
        assert daemon.persist(lambda client: client.job(waiting))["state"] == "queued"
        assert isinstance(tried(daemon), DiskFull)
        make_room(disk)
        assert daemon.end_of(waiting)["state"] == "succeeded"
        assert daemon.persist(lambda client: client.ask("health"))["paused"] == ""


def test_a_start_on_a_full_disk_waits_for_room(tmp_path: Path, disk: Path) -> None:
    with reencoding_daemon(tmp_path, "[limits]\nmin_free_bytes = 0\n", disk / "state") as daemon:
        job = running(daemon)
        daemon.end(9)
        fill(disk, 0)
        daemon.start()
        while "no room" not in daemon.log:
            assert daemon.is_alive
        make_room(disk)
        daemon.let_go()
        assert daemon.end_of(job)["state"] == "succeeded"
        assert reencoding.frames_in(daemon.state / "spool" / job / "result") == reencoding.FRAMES


def test_a_state_that_cannot_be_written_is_named(tmp_path: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    daemon = ReencodingDaemon(tmp_path, state=disk / "state")
    assert daemon.wait() == 78
    assert "Read-only file system" in daemon.log
