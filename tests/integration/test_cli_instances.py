"""`lipsyncctl` where a machine has several daemons: it speaks with the one it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl
from support.daemon.inprocess import Daemon, living


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon beside the one that is found without a choice."""
    folder = tmp_path / "instance"
    folder.mkdir()
    with living(folder) as daemon:
        yield daemon


def test_each_daemon_has_a_queue_of_its_own(
    daemon: Daemon, instance: Daemon, tmp_path: Path
) -> None:
    there = ("--socket", str(instance.config.socket))
    job = lipsyncctl(tmp_path, *there, "submit", *RENDER).stdout.strip()
    assert job in lipsyncctl(tmp_path, *there, "list").stdout
    assert job not in lipsyncctl(tmp_path, "list").stdout
    assert lipsyncctl(tmp_path, "status", job).returncode == 5
