"""All that runs has the types that it says it has, as strictly as mypy can look."""

import subprocess
import sys
from pathlib import Path

from support.paths import ROOT

MYPY = Path(sys.executable).with_name("mypy")


def test_mypy_finds_nothing_to_say() -> None:
    told = subprocess.run([MYPY], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, ""), told.stdout + told.stderr
    assert told.stdout.startswith("Success: no issues found in ")
