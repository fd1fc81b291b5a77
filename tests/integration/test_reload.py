"""A reload changes what may change, or nothing at all; no job notices."""

import logging
import os
from pathlib import Path

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon, living, session_of, with_controlplane
from support.daemon.renderers import Gate

from lipsyncd.errors import (
    AccessDenied,
    CheckpointInvalid,
    ConfigInvalid,
    FileTooLarge,
    InvalidRequest,
    QueueDraining,
    QueueFull,
)

ONE_AT_A_TIME = "[render]\nmax_active = 1\n"


def get_ready(client: Client) -> None:
    while not client.ask("health")["ready"]:
        pass


def test_new_limits_hold_from_then_on(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    daemon.toml.write_text(ONE_AT_A_TIME + "[limits]\nmax_jobs = 1")
    assert client.ask("reload")["detail"] == "nothing is loaded anew"
    client.submit(tmp_path)
    with pytest.raises(QueueFull):
        client.submit(tmp_path)
    daemon.toml.write_text(ONE_AT_A_TIME + "[limits]\nmax_face_bytes = 1")
    client.ask("reload")
    with pytest.raises(FileTooLarge):
        client.submit(tmp_path)
    assert client.job(job)["state"] == "running"


def test_the_studio_gets_the_new_configuration_while_a_job_runs(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    daemon.toml.write_text("[render]\nbatch = 3")
    client.ask("reload")
    assert [each.render.batch for each in daemon.renderer.reloads] == [3]
    assert client.ask("info")["reloads"] == 1
    gate.let_go()
    ended = client.end_of(job)
    assert (ended["state"], ended["attempts"]) == ("succeeded", 1)


@pytest.mark.parametrize("text", ["colour = 1", "[limits]\nmax_jobs = -1", "device = "])
def test_a_mistake_is_named_and_changes_nothing(
    daemon: Daemon, client: Client, tmp_path: Path, text: str
) -> None:
    get_ready(client)
    daemon.toml.write_text(text)
    with pytest.raises(ConfigInvalid):
        client.ask("reload")
    assert daemon.renderer.reloads == []
    assert client.ask("health")["ready"]


def test_models_that_cannot_be_loaded_change_nothing(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    get_ready(client)
    daemon.renderer.refusal = CheckpointInvalid("The checkpoint is damaged.", "Copy it again.")
    daemon.toml.write_text(ONE_AT_A_TIME + "[limits]\nmax_face_bytes = 1")
    with pytest.raises(CheckpointInvalid, match="damaged"):
        client.ask("reload")
    daemon.renderer.refusal = None
    client.submit(tmp_path)
    report = client.ask("health")
    assert (report["state"], report["detail"]) == ("ready", "")


def test_what_cannot_move_is_refused_by_name(daemon: Daemon, client: Client) -> None:
    get_ready(client)
    daemon.source.overrides.pop("state")
    with pytest.raises(ConfigInvalid, match="state cannot change while the daemon runs"):
        client.ask("reload")


def test_while_loading_there_is_nothing_to_reload(tmp_path: Path) -> None:
    with (
        living(tmp_path, is_loaded=False) as daemon,
        daemon.client() as client,
        pytest.raises(InvalidRequest, match="still loading"),
    ):
        client.ask("reload")


def test_while_stopping_a_reload_is_refused(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    client.submit(tmp_path)
    gate.at.get()
    daemon.stop()
    while client.ask("health")["state"] != "draining":
        pass
    with pytest.raises(QueueDraining):
        client.ask("reload")
    gate.let_go()


@pytest.mark.parametrize("uid", [0, os.getuid()])
def test_root_and_the_daemons_own_user_may_reload(tmp_path: Path, uid: int) -> None:
    with (
        with_controlplane(tmp_path) as controlplane,
        session_of(uid, controlplane) as client,
        pytest.raises(InvalidRequest, match="still loading"),
    ):
        client.ask("reload")


def test_nobody_else_may(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        with_controlplane(tmp_path) as controlplane,
        session_of(os.getuid() + 1, controlplane) as client,
        pytest.raises(AccessDenied),
    ):
        client.ask("reload")
    (refusal,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert refusal.fields["LIPSYNCD_EVENT"] == "AUTH_DENIED"
    assert refusal.fields["LIPSYNCD_OWNER_UID"] == str(os.getuid() + 1)
