"""The ids that a shell offers for a key: those of the daemon, asked for once in some seconds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl
from support.daemon.inprocess import living
from support.paths import PACKAGES

from lipsyncctl.manual.completion import IDS, completions

LATER = 1000.0  # seconds
PROGRAMS = os.path.dirname(sys.executable)
installed = pytest.mark.skipif(
    not shutil.which("lipsyncctl", path=PROGRAMS), reason="lipsyncctl is not installed"
)


def offered(directory: Path, *words: str) -> list[str]:
    """By a shell of a user whose daemon lives there."""
    path = os.pathsep.join((PROGRAMS, os.environ["PATH"]))
    environment = os.environ | {
        "LIPSYNCD_SOCKET": str(directory / "control.sock"),
        "PATH": path,
        "PYTHONPATH": PACKAGES,
        "XDG_RUNTIME_DIR": str(directory / "run"),
    }
    shell = words or ("sh", "-c", IDS)
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def submit(directory: Path) -> str:
    return lipsyncctl(directory, "submit", *RENDER).stdout.strip()


@installed
def test_ids_are_those_of_the_last_key_until_some_seconds_are_over(tmp_path: Path) -> None:
    with living(tmp_path):
        first = submit(tmp_path)
        assert offered(tmp_path) == [first]
        (kept,) = (tmp_path / "run").rglob("ids")
        now = kept.stat().st_mtime
        os.utime(kept, (now, now + LATER))
        second = submit(tmp_path)
        assert offered(tmp_path) == [first]
        os.utime(kept, (now, now - LATER))
        assert offered(tmp_path) == [first, second]
        os.utime(kept, (now, now - LATER))
    assert offered(tmp_path) == []  # without a daemon there are none
    assert [path.name for path in kept.parent.iterdir()] == ["ids"]


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@installed
def test_bash_completes_an_id_by_its_beginning(tmp_path: Path) -> None:
    pytest.importorskip("shtab", reason="there is no shtab")
    (script,) = (
        text for path, text in completions().items() if path.endswith("completions/lipsyncctl")
    )
    (tmp_path / "script").write_text(script)
    with living(tmp_path):
        job = submit(tmp_path)
        command = f"source {tmp_path}/script; _lipsyncctl_ids {job[:2]}; _lipsyncctl_ids zz"
        assert offered(tmp_path, "bash", "-c", command) == [job]
