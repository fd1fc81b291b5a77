"""A daemon as it is in production, in a process of its own with the real models."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command import ROOT, lipsyncctl

Process = subprocess.Popen[bytes]


@contextmanager
def started(directory: Path, toml: str = "", **environment: str) -> Iterator[Process]:
    """A daemon that has just been started; at the end it is told to stop, and has to."""
    config = directory / "lipsyncd.toml"
    places = f'socket = "{directory}/control.sock"\nstate = "{directory}/state"\n'
    config.write_text(places + ('device = "cpu"\n' if "device" not in toml else "") + toml)
    env = os.environ | {"PYTHONPATH": str(ROOT / "daemon")} | environment
    command = [sys.executable, "-m", "lipsyncd", "--config", str(config)]
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=directory, env=env, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def ready(directory: Path, toml: str = "", **environment: str) -> Iterator[Process]:
    """A daemon that has loaded its models."""
    with started(directory, toml, **environment) as process:
        while lipsyncctl(directory, "health").returncode != 0:
            assert process.poll() is None, (directory / "log").read_text()
        yield process
