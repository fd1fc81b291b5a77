"""Whichever of the daemon's processes dies, it costs its own job at most, and mostly not that."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import lipsyncctl
from production import ready
from served import Daemon, answer, child, titles

HEAVY = ("torch", "numpy", "cv2", "/av/", "libav")
# long enough for processes that work beside others, and short enough to wait for
TOML = "[render]\nstall_seconds = 15\n"


@pytest.fixture
def served(tmp_path: Path, harbour: Path) -> Iterator[Daemon]:
    with ready(tmp_path, TOML) as process:
        yield Daemon(tmp_path, process, harbour)
        assert process.poll() is None, (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_daemon_itself_has_no_library_that_reads_media_or_knows_devices(served: Daemon) -> None:
    served.rendering()
    maps = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert [name for name in HEAVY if name in maps] == []


def test_a_device_that_dies_in_the_middle_of_a_job_is_replaced_and_the_job_goes_on(
    served: Daemon, wanted: str
) -> None:
    job, other = served.rendering(), served.submit()
    os.kill(child(served.process, "device"), signal.SIGKILL)
    assert served.result_of(job) == wanted
    assert served.result_of(other) == wanted
    assert served.end_of(job)["attempts"] == 1


def test_a_device_that_hangs_is_replaced_and_the_job_goes_on(served: Daemon, wanted: str) -> None:
    job = served.rendering()
    os.kill(child(served.process, "device"), signal.SIGSTOP)
    assert served.result_of(job) == wanted


def test_a_template_that_dies_is_replaced(served: Daemon, wanted: str) -> None:
    job, template = served.rendering(), child(served.process, "template")
    os.kill(template, signal.SIGKILL)
    assert served.result_of(job) == wanted
    assert served.result_of(served.submit()) == wanted
    assert child(served.process, "template") != template


def test_a_render_that_dies_is_begun_once_more(served: Daemon, wanted: str) -> None:
    job = served.rendering()
    os.kill(child(served.process, f"render {job}"), signal.SIGKILL)
    assert served.result_of(job) == wanted


@pytest.mark.parametrize(
    "number, name", [(signal.SIGSEGV, "media.crashed"), (signal.SIGKILL, "job.memory")]
)
def test_a_render_that_dies_twice_has_failed_and_its_neighbour_does_not_notice(
    served: Daemon, wanted: str, number: signal.Signals, name: str
) -> None:
    job, other = served.rendering(), served.submit()
    first = child(served.process, f"render {job}")
    os.kill(first, number)
    os.kill(child(served.process, f"render {job}", besides=first), number)
    assert served.end_of(job)["error"]["name"] == name
    assert served.result_of(other) == wanted
    left = {path.name for path in (served.directory / "state/spool" / job).iterdir()}
    assert left == {"face", "voice"}


def test_a_render_that_hangs_is_ended_and_has_failed(served: Daemon, wanted: str) -> None:
    job, other = served.rendering(), served.submit()
    os.kill(child(served.process, f"render {job}"), signal.SIGSTOP)
    assert served.end_of(job)["error"]["name"] == "media.stalled"
    assert served.result_of(other) == wanted


def test_no_process_is_left_of_a_daemon_that_is_killed_and_its_job_is_rendered_by_the_next(
    tmp_path: Path, harbour: Path, wanted: str
) -> None:
    with ready(tmp_path, TOML) as process:
        job = Daemon(tmp_path, process, harbour).rendering()
        below = titles(process.pid)
        kinds = {title.split()[1] for title in below.values()}
        assert kinds == {"device", "template", "render", "intake"}
        process.kill()
        process.wait()
        while any(Path(f"/proc/{pid}/exe").exists() for pid in below):
            time.sleep(0.01)
    with ready(tmp_path, TOML) as process:
        assert Daemon(tmp_path, process, harbour).result_of(job) == wanted


def test_two_devices_share_jobs_and_where_one_dies_the_other_goes_on(
    tmp_path: Path, harbour: Path, wanted: str
) -> None:
    with ready(tmp_path, f'devices = ["cpu", "cpu"]\n{TOML}') as process:
        served = Daemon(tmp_path, process, harbour)
        jobs = [served.rendering(), served.rendering()]
        assert [each["jobs"] for each in answer(tmp_path, "info")["devices"]] == [1, 1]
        os.kill(child(process, "device"), signal.SIGKILL)
        assert [served.result_of(job) for job in jobs] == [wanted] * 2
        assert [each["state"] for each in answer(tmp_path, "info")["devices"]] == ["ready"] * 2


def test_a_reload_during_a_job_brings_other_processes_and_the_job_goes_on(
    served: Daemon, wanted: str
) -> None:
    job, before = served.rendering(), child(served.process, "device")
    assert lipsyncctl(served.directory, "reload").returncode == 0
    assert child(served.process, "device", besides=before) != before
    assert served.result_of(job) == wanted
    while Path(f"/proc/{before}").exists():  # also what is left until it is waited for
        time.sleep(0.01)
