"""`systemctl status` shows what the daemon does, in one line and not too often."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lipsyncd.config import Config, LiveConfig
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.queue.pause import Pause
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import new_job
from lipsyncd.queue.updates import Updates
from lipsyncd.service.statusline import StatusLine
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Condition, Status


class Desk:
    """A statusline over a real store, updates and status."""

    def __init__(self, directory: Path, systemd: socket.socket) -> None:
        self.systemd = systemd
        self.status = Status()
        self.updates = Updates(self.status.news)
        self.database = Database(directory / "jobs.sqlite")
        self.store = Store(self.database)
        self.notifier = Notifier()
        live_config = LiveConfig(Config())
        self.pause = Pause(self.store, Spool(directory / "spool", live_config), live_config)
        self.statusline = StatusLine(
            self.status, self.store, self.updates, self.pause, self.notifier
        )

    def line(self) -> str:
        self.statusline.show()
        return self.heard()

    def heard(self) -> str:
        return self.systemd.recv(999).decode().removeprefix("STATUS=")

    def get_ready(self, **models: object) -> None:
        self.hold({"cuda:0": "ready"}, **models)
        self.status.enter(Condition.READY, "")

    def hold(self, states: dict[str, str], **models: object) -> None:
        """Devices by their state."""
        rows = [{"device": device, "state": state} for device, state in states.items()]
        self.status.hold(SimpleNamespace(describe=lambda: models, devices=lambda: rows))

    def running(self, done: int = 0, total: int = 0, fps: float = 0.0) -> Job:
        job = move(new_job(0, "face", "voice", Options()), State.RUNNING)
        job = replace(job, done=done, total=total, fps=fps)
        self.updates.publish(job)
        return job


@pytest.fixture
def desk(tmp_path: Path, systemd: socket.socket) -> Iterator[Desk]:
    desk = Desk(tmp_path, systemd)
    yield desk
    desk.database.close()
    desk.notifier.close()


def test_a_start_shows_what_is_being_done(desk: Desk) -> None:
    assert desk.line() == "starting"
    desk.status.enter(Condition.WARMING, "reading lipsync-grid-96.safetensors: 40 %")
    assert desk.line() == "reading lipsync-grid-96.safetensors: 40 %"


def test_ready_shows_device_queue_and_job(desk: Desk) -> None:
    desk.get_ready()
    assert desk.line() == "ready on cuda:0, 0 queued"
    for _ in range(3):
        desk.store.add(new_job(0, "face", "voice", Options()))
    job = desk.running(done=105, total=250, fps=211.6)
    assert desk.line() == f"ready on cuda:0, 3 queued, job {job.id} 42 %, 212 fps"


def test_a_job_whose_frames_are_not_counted_has_no_share(desk: Desk) -> None:
    desk.get_ready()
    assert desk.line().endswith("0 queued")
    job = desk.running()
    assert desk.line() == f"ready on cuda:0, 0 queued, job {job.id}"


def test_a_fall_to_the_cpu_is_shown(desk: Desk) -> None:
    desk.get_ready()
    desk.hold({"cpu": "ready"}, fallback="no GPU found")
    assert desk.line() == "ready on cpu (no GPU found), 0 queued"


def test_devices_that_are_started_anew_are_shown(desk: Desk) -> None:
    desk.get_ready()
    desk.hold({"cuda:0": "ready", "cuda:1": "ready"})
    assert desk.line() == "ready on cuda:0, cuda:1, 0 queued"
    desk.hold({"cuda:0": "lost", "cuda:1": "ready"})
    assert desk.line() == "degraded on cuda:1 (lost, and started anew: cuda:0), 0 queued"
    desk.hold({"cuda:0": "lost", "cuda:1": "lost"})
    assert desk.line() == "degraded (lost, and started anew: cuda:0, cuda:1), 0 queued"


def test_a_stop_shows_the_job_it_waits_for(desk: Desk) -> None:
    job = desk.running(done=1, total=2, fps=25.0)
    desk.status.enter(Condition.DRAINING, "stopping once the running job has ended")
    assert desk.line() == f"stopping once the running job has ended, job {job.id} 50 %, 25 fps"


def test_news_are_shown_by_themselves_and_only_if_the_line_differs(desk: Desk) -> None:
    desk.statusline.start()
    desk.get_ready()
    while desk.heard() != "ready on cuda:0, 0 queued":
        pass
    desk.statusline.stop()
    desk.statusline.show()
    desk.systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        desk.heard()


def test_a_drained_queue_is_shown_with_its_reason(desk: Desk) -> None:
    desk.get_ready()
    desk.pause.hold("a new GPU comes")
    assert desk.line() == "ready on cuda:0, 0 queued, The queue is drained: a new GPU comes."
