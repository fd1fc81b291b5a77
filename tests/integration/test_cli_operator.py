"""What `lipsyncctl` does for the operator: a new configuration, and the journal of a job."""

import os
import shutil
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
    assert "colour is not one of" in ended.stderr
    daemon.toml.write_text("")
    daemon.renderer.refusal = CheckpointInvalid("The checkpoint is damaged.", "Copy it again.")
    assert lipsyncctl(tmp_path, "reload").returncode == 66


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
