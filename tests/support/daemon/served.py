"""A daemon of its own, with jobs for it and a look at the processes below it."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from support.client.command import lipsyncctl
from support.daemon.process import PAUSE, DaemonProcess, children
from support.media.clips import clip


def child(process: DaemonProcess, title: str, besides: int = 0) -> int:
    """The one that is called so, as soon as there is one."""
    while True:
        assert process.is_alive
        for pid, found in children(process.pid).items():
            if found.startswith(f"lipsyncd: {title}") and pid != besides:
                return pid
        time.sleep(PAUSE)


def packets(path: Path) -> str:
    """A hash of all packets, whatever is around them."""
    words = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0", "-c", "copy", "-f", "md5", "-"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def answer(directory: Path, *words: str) -> Any:
    """What a command that succeeds says."""
    done = lipsyncctl(directory, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class Daemon:
    """A daemon, and jobs for it."""

    def __init__(self, directory: Path, process: DaemonProcess, voice: Path) -> None:
        self.directory = directory
        self.process = process
        self._voice = voice

    def submit(self, *options: str, face: Path | None = None) -> str:
        words = ("submit", "-a", str(self._voice), str(face or clip("single_face.mp4")), *options)
        return str(answer(self.directory, *words)["job"]["id"])

    def rendering(self) -> str:
        """A job of which some frames are written."""
        job = self.submit()
        with self.process.client() as client:
            while not client.job(job)["done"]:
                time.sleep(PAUSE)
        return job

    def end_of(self, job: str) -> dict[str, Any]:
        lipsyncctl(self.directory, "wait", job)
        return dict(answer(self.directory, "status", job)["job"])

    def result_of(self, job: str) -> str:
        path = self.directory / f"{job}.mp4"
        assert self.end_of(job)["state"] == "succeeded"
        assert lipsyncctl(self.directory, "fetch", job, "-o", str(path)).returncode == 0
        return packets(path)
