"""What systemd is told, from the start to the end, and why a daemon dies."""

import logging
import re
import signal
import socket
import threading
from pathlib import Path

import pytest
from support.daemon.inprocess import living
from support.daemon.renderers import Gate, Steps, endless
from support.daemon.stepped import stepped_daemon

from lipsyncd.errors import CheckpointMissing, DeviceLost
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options
from lipsyncd.service import stop
from lipsyncd.system.status import EXTENSION
from lipsyncd.system.watchdog import PINGS


def told(systemd: socket.socket, *words: str) -> list[str]:
    """All that systemd hears up to a message that begins with one of the words."""
    heard: list[str] = []
    while not heard or not heard[-1].startswith(words):
        heard.append(systemd.recv(999).decode())
    return heard


@pytest.fixture
def watchdog(monkeypatch: pytest.MonkeyPatch, systemd: socket.socket) -> socket.socket:
    """systemd with a watchdog that is patient for 0.4 seconds."""
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    return systemd


def test_ready_comes_last_and_the_status_before_it(tmp_path: Path, systemd: socket.socket) -> None:
    with living(tmp_path):
        *before, status, ready = told(systemd, "READY")
    assert (status, ready) == ("STATUS=ready on none, 0 queued", "READY=1")
    assert f"EXTEND_TIMEOUT_USEC={round(EXTENSION * 1e6)}" in before
    assert "WATCHDOG=1" not in before


def test_a_load_that_stalls_asks_for_no_time(tmp_path: Path, systemd: socket.socket) -> None:
    with living(tmp_path, is_loaded=False) as daemon:
        while "loading nothing at all" not in told(systemd, "STATUS")[-1]:
            pass
        daemon.may_load.set()
        assert told(systemd, "READY") == ["STATUS=ready on none, 0 queued", "READY=1"]


def test_an_idle_daemon_pings_because_it_looks_after_its_devices(
    tmp_path: Path, watchdog: socket.socket
) -> None:
    with living(tmp_path) as daemon:
        told(watchdog, "READY")
        told(watchdog, "WATCHDOG")
        passes = daemon.renderer.proofs.qsize()
        told(watchdog, "WATCHDOG")
        told(watchdog, "WATCHDOG")
        assert daemon.renderer.proofs.qsize() > passes


def test_a_render_that_hangs_does_not_end_the_pings(
    tmp_path: Path, watchdog: socket.socket
) -> None:
    gate = Gate()
    with living(tmp_path, gate.render) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        gate.at.get()
        for _ in range(2 * PINGS):
            told(watchdog, "WATCHDOG")
        assert client.job(job)["state"] == "running"
        gate.let_go()


def test_a_lost_device_keeps_the_job_and_ends_the_daemon(
    tmp_path: Path, watchdog: socket.socket
) -> None:
    with living(tmp_path) as daemon:
        daemon.renderer.fault = DeviceLost("The device computes wrongly.", "Check its memory.")
        daemon.ended.wait()
        assert daemon.error is daemon.renderer.fault
        daemon.is_told = True


def test_a_stop_is_told_first_and_asks_for_time_while_jobs_run(
    tmp_path: Path, systemd: socket.socket
) -> None:
    begun = threading.Event()

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        begun.set()
        return endless(options, paths)

    with living(tmp_path, render) as daemon, daemon.client() as client:
        client.submit(tmp_path)
        begun.wait()
        told(systemd, "READY")
        daemon.stop()
        told(systemd, "STOPPING")
        heard = told(systemd, "EXTEND_TIMEOUT_USEC")
        daemon.stop()
    assert heard[-1] == f"EXTEND_TIMEOUT_USEC={round(stop.EXTENSION * 1e6)}"


def test_a_failed_start_is_told_with_its_cause(tmp_path: Path, systemd: socket.socket) -> None:
    with stepped_daemon(tmp_path, "checkpoint.missing") as daemon:
        assert daemon.wait() == CheckpointMissing.code
    systemd.setblocking(False)
    heard = []
    try:
        while True:
            heard.append(systemd.recv(999).decode())
    except BlockingIOError:
        pass
    assert heard[-1] == "STATUS=There is no checkpoint. Put it there."
    assert "READY=1" not in heard


def test_sighup_reloads_and_ready_ends_it(tmp_path: Path, systemd: socket.socket) -> None:
    with living(tmp_path) as daemon:
        told(systemd, "READY")
        daemon.calls.put(signal.SIGHUP)
        assert told(systemd, "RELOADING")[-1].startswith("RELOADING=1\nMONOTONIC_USEC=")
        told(systemd, "READY")
        assert len(daemon.renderer.reloads) == 1


def test_a_bad_configuration_ends_a_reload_as_well(
    tmp_path: Path, systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with living(tmp_path) as daemon:
        told(systemd, "READY")
        daemon.toml.write_text("colour = 1")
        daemon.calls.put(signal.SIGHUP)
        told(systemd, "RELOADING")
        told(systemd, "READY")
        assert daemon.renderer.reloads == []
        assert "colour is no key" in caplog.text


def told_in(caplog: pytest.LogCaptureFixture, pattern: str) -> threading.Event:
    """Set once the log has told something like this."""
    told = threading.Event()

    def look(record: logging.LogRecord) -> bool:
        if re.search(pattern, record.getMessage()):
            caplog.handler.removeFilter(look)
            told.set()
        return True

    caplog.handler.addFilter(look)
    return told


def test_sighup_while_loading_does_not_make_it_ready(
    tmp_path: Path, systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    refused = told_in(caplog, "reload: refused")
    with living(tmp_path, is_loaded=False) as daemon:
        daemon.calls.put(signal.SIGHUP)
        refused.wait()
        daemon.may_load.set()
        heard = told(systemd, "READY")
    assert not any(each.startswith("RELOADING") for each in heard)
    assert daemon.renderer.reloads == []
