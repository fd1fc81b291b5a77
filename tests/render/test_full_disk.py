"""A disk that fills up: the job fails by that name, leaves nothing, and the daemon goes on."""

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages
from support.daemon.process import DaemonProcess
from support.media.clips import clip

SIZE = 16 << 20
LEFT = 1 << 20  # enough for the inputs and the store, too little for the result


@pytest.fixture
def disk(small_disk: Callable[[int], Path]) -> Path:
    """A file system of 16 MiB."""
    return small_disk(SIZE)


def test_a_full_disk_costs_the_job_and_nothing_else(
    start_ready: Callable[..., AbstractContextManager[DaemonProcess]],
    disk: Path,
    harbour: Path,
) -> None:
    ballast = disk / "ballast"
    out = disk.parent / "out.mp4"
    run = ("run", "--json", "-a", str(harbour), str(clip("single_face.mp4")), "-o", str(out))
    with start_ready(disk, "[limits]\nmin_free_bytes = 0\n") as process:
        fill(ballast, leaving=LEFT)
        in_the_render = lipsyncctl(disk, *run, "--crf", "0")
        failed = messages(in_the_render.stdout)[-1]["job"]
        kept = spooled(disk)
        assert kept == {failed["id"], "face", "voice"}  # for a retry
        fill(ballast, leaving=0)
        at_submit = lipsyncctl(disk, *run)
        assert spooled(disk) == kept
        ballast.unlink()
        good = lipsyncctl(disk, *run)
        assert process.is_alive
    print(f"\n  in the render: {json.dumps(failed['error'])}")
    print(f"  at submit: {at_submit.stdout.strip()}")
    assert failed["error"]["name"] == "disk.full"
    assert in_the_render.returncode == 1
    assert (at_submit.returncode, messages(at_submit.stdout)[-1]["name"]) == (74, "disk.full")
    assert good.returncode == 0, good.stderr


def fill(path: Path, leaving: int) -> None:
    """Takes all the space of its file system but so many bytes."""
    with path.open("ab") as file:
        free = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize
        os.posix_fallocate(file.fileno(), file.tell(), free - leaving)


def spooled(disk: Path) -> set[str]:
    return {path.name for path in (disk / "state" / "spool").rglob("*")}
