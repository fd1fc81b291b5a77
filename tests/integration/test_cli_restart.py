"""A client that waits for a job goes on waiting when the daemon dies and comes back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command import RENDER, ROOT, read_until, started
from living import living
from paced import at_once

ENDLESS = """
import sys, threading
from pathlib import Path
from living import living
from paced import endless

with living(Path(sys.argv[1]), endless):
    threading.Event().wait()
"""


@contextmanager
def mortal(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon in a process of its own, whose renders never end; killed at the end."""
    path = os.pathsep.join(str(ROOT / name) for name in ("daemon", "ctl", "tests"))
    env = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(directory)], env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def test_run_survives_the_death_of_the_daemon(tmp_path: Path) -> None:
    with started(tmp_path, "run", *RENDER, "-o", "out.mp4") as process:
        with mortal(tmp_path):
            read_until(process, "running")
        read_until(process, "for it to come back")
        with living(tmp_path, at_once):
            answer, remarks = process.communicate()
    assert process.returncode == 0, remarks
    assert answer.startswith("out.mp4: 3 frames")
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"
