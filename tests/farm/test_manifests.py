"""What the manifests for Kubernetes have a pod do, with a real daemon and a real bridge."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.client.command import lipsyncctl
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon
from support.farm.farm import Farm, in_daemon, until

pytest.importorskip("yaml", reason="there is no PyYAML, which the extra `test` brings")

from support.manifests import hook, manifest

PROBES = "startupProbe", "readinessProbe", "livenessProbe"
SILENCE = 2  # the exit code of `health` where nobody answers


def command(daemon: ReencodingDaemon, name: str) -> subprocess.Popen[str]:
    """A hook of the daemon's container, begun."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    known = {"PATH": path, "LIPSYNCD_SOCKET": str(daemon.socket)}
    return subprocess.Popen(hook(name), env=os.environ | known, text=True)


def probed(daemon: ReencodingDaemon) -> list[int]:
    """What start-up, readiness and liveness say."""
    words = [hook(name)[1:] for name in PROBES]
    return [lipsyncctl(daemon.directory, *each).returncode for each in words]


def test_a_pod_that_is_drained_is_alive_but_not_ready_and_its_next_container_is_ready(
    tmp_path: Path,
) -> None:
    with reencoding_daemon(tmp_path) as daemon:
        daemon.wait_until_ready()
        assert probed(daemon) == [0, 0, 0]
        assert command(daemon, "preStop").wait() == 0
        assert probed(daemon) == [0, 1, 0]
        daemon.end()
        assert probed(daemon) == [SILENCE] * 3
        with command(daemon, "postStart") as resumed:  # it may come before the daemon does
            daemon.start()
            assert resumed.wait() == 0
        daemon.wait_until_ready()
        assert probed(daemon) == [0, 0, 0]


def test_a_pod_ends_when_its_bridge_has_taken_the_result_of_what_ran(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one")
    one.daemon.hold()
    job = client.submit(one.daemon.face, one.daemon.voice)
    until(lambda: in_daemon(one, "running"))
    with command(one.daemon, "preStop") as ending:
        until(lambda: probed(one.daemon) == [0, 1, 0])
        queued = client.submit(one.daemon.face, one.daemon.voice, expression=0.5)
        assert ending.poll() is None
        one.daemon.let_go()
        assert ending.wait() == 0
    assert client.status(job.id).state == "succeeded"
    assert client.status(queued.id).state == "queued"


def test_a_sidecar_waits_for_the_daemon_that_begins_after_it(farm: Farm, tmp_path: Path) -> None:
    bridge = farm.bridge("one", tmp_path / "one/control.sock")
    client = farm.client()
    until(lambda: [each["state"] for each in client.hosts()] == ["unreachable"])
    with reencoding_daemon(tmp_path / "one") as daemon:
        job = client.submit(daemon.face, daemon.voice)
        assert client.wait(job.id).state == "succeeded"
        until(bridge.has_nothing)


def test_the_list_that_scales_the_pods_is_as_long_as_the_queue(farm: Farm, tmp_path: Path) -> None:
    with reencoding_daemon(tmp_path) as daemon:  # for its files
        client = farm.client(name="farm")
        for number in range(3):
            client.submit(daemon.face, daemon.voice, key=str(number))
    (trigger,) = manifest("keda.yaml", "ScaledObject")["spec"]["triggers"]
    assert farm.redis.client().llen(trigger["metadata"]["listName"]) == 3
