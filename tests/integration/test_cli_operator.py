"""What `lipsyncctl` does for the operator: a new configuration."""

from pathlib import Path

from support.client.command import lipsyncctl
from support.daemon.inprocess import Daemon

from lipsyncd.errors import CheckpointInvalid


def test_reload_says_what_changed(daemon: Daemon, tmp_path: Path) -> None:
    daemon.is_ready.wait()
    ended = lipsyncctl(tmp_path, "reload")
    assert (ended.returncode, ended.stdout) == (0, "nothing is loaded anew\n")


def test_a_reload_that_is_refused_says_why_and_has_its_exit_code(
    daemon: Daemon, tmp_path: Path
) -> None:
    daemon.is_ready.wait()
    daemon.toml.write_text("colour = 1")
    ended = lipsyncctl(tmp_path, "reload")
    assert ended.returncode == 78
    assert "colour is no key" in ended.stderr
    daemon.toml.write_text("")
    daemon.renderer.refusal = CheckpointInvalid("The checkpoint is damaged.", "Copy it again.")
    assert lipsyncctl(tmp_path, "reload").returncode == 66
