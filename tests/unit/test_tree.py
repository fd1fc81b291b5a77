"""The top level of the tree holds what a newcomer looks for there, and nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = {
    "daemon",
    "ctl",
    "systemd",
    "tests",
    "checkpoints",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "NOTICE",
}


def test_nothing_lies_about_at_the_top() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("only a checkout knows which files are the project's")
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {each.split("/")[0] for each in listed.splitlines() if (ROOT / each).exists()}
    assert {each for each in found if not each.startswith(".")} == TOP
