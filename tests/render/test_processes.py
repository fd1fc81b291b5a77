"""Whichever of the daemon's processes dies, it costs its own job at most, and mostly not that."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import lipsyncctl
from support.client.session import Client
from support.daemon.process import children, ready, started
from support.daemon.served import Daemon, answer, child

WEIGHTS = 10_000_000  # bytes, at least, of the shipped checkpoint
HEAVY = ("torch", "numpy", "cv2", "/av/", "libav")
# long enough for processes that work beside others, and short enough to wait for
TOML = "[render]\nstall_seconds = 15\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, harbour: Path) -> Iterator[Daemon]:
    """One for all of them: it outlives whatever dies, but for a device that dies a third time."""
    directory = tmp_path_factory.mktemp("served")
    with ready(directory, TOML) as process:
        yield Daemon(directory, process, harbour)
        assert process.is_alive, process.log
    assert "Traceback" not in process.log


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


def test_the_title_of_a_render_says_how_far_it_is(served: Daemon) -> None:
    job = served.submit()
    title = Path(f"/proc/{child(served.process, f'render {job}')}/cmdline")
    shares: list[int] = []
    while len(set(shares)) < 2:  # ends with an error if the render ends before
        told = title.read_bytes().rstrip(b"\0").decode()
        found = re.fullmatch(rf"lipsyncd: render {job}(?: (\d+) %)?", told)
        assert found, told
        shares += [int(found[1])] if found[1] else []
        time.sleep(0.01)
    assert shares == sorted(shares)
    assert shares[-1] <= 100
    assert served.end_of(job)["state"] == "succeeded"


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
        below = children(process.pid)
        kinds = {title.split()[1] for title in below.values()}
        assert kinds == {"device", "template", "render", "intake"}
        process.end(signal.SIGKILL)
        while any(Path(f"/proc/{pid}/exe").exists() for pid in below):
            time.sleep(0.01)
    with ready(tmp_path, TOML) as process:
        assert Daemon(tmp_path, process, harbour).result_of(job) == wanted


def test_two_devices_share_jobs_and_those_of_one_that_dies_go_on_with_the_other(
    tmp_path: Path, harbour: Path, wanted: str
) -> None:
    with ready(tmp_path, f'devices = ["cpu", "cpu"]\n{TOML}') as process:
        served = Daemon(tmp_path, process, harbour)
        jobs = [served.rendering(), served.rendering()]
        with process.client() as client:  # which is there already: it has to be quick
            assert jobs_by_state(client) == [("ready", 1), ("ready", 1)]
            os.kill(child(process, "device"), signal.SIGKILL)
            while jobs_by_state(client) != [("lost", 0), ("ready", 2)]:
                pass
        assert [served.result_of(job) for job in jobs] == [wanted] * 2


def jobs_by_state(client: Client) -> list[tuple[str, int]]:
    """Of each device how it is, and how many jobs it serves."""
    return sorted((each["state"], each["jobs"]) for each in client.ask("health")["devices"])


def test_a_daemon_that_lacks_a_device_is_degraded_and_says_so_until_it_is_back(
    tmp_path: Path,
) -> None:
    notify, toml = str(tmp_path / "notify"), f'devices = ["cpu", "cpu"]\n{TOML}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(notify)

        def hear(words: bytes) -> None:
            while words not in manager.recv(1 << 16):
                pass

        with started(tmp_path, toml, NOTIFY_SOCKET=notify) as process:
            hear(b"STATUS=ready on cpu, cpu, 0 queued")
            before = answer(tmp_path, "health")
            with process.client() as client:  # which is there already: it has to be quick
                os.kill(child(process, "device"), signal.SIGKILL)
                hear(b"STATUS=degraded on cpu (lost, and started anew: cpu)")
                without = client.ask("health")
            hear(b"STATUS=ready on cpu, cpu, 0 queued")
            assert answer(tmp_path, "health")["state"] == before["state"] == "ready"
    assert (without["state"], without["ready"]) == ("degraded", True)
    assert all(each["resident_bytes"] > WEIGHTS for each in before["devices"])
    rows = {each["state"]: each for each in without["devices"]}
    assert rows["lost"]["resident_bytes"] == 0
    assert rows["ready"]["resident_bytes"] > WEIGHTS
    assert all(each["jobs"] == 0 and each["proof_seconds_ago"] >= 0 for each in rows.values())


def test_a_reload_during_a_job_brings_other_processes_and_the_job_goes_on(
    served: Daemon, wanted: str
) -> None:
    job, before = served.rendering(), child(served.process, "device")
    assert lipsyncctl(served.directory, "reload").returncode == 0
    assert child(served.process, "device", besides=before) != before
    assert served.result_of(job) == wanted
    while Path(f"/proc/{before}").exists():  # also what is left until it is waited for
        time.sleep(0.01)
