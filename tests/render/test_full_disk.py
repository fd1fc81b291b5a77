"""A disk that fills up: the job fails by that name, leaves nothing, and the daemon goes on."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import pytest
from clips import clip
from command import lipsyncctl, messages

SIZE = 16 << 20
LEFT = 1 << 20  # enough for the inputs and the store, too little for the result


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system of 16 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small file system needs root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_costs_the_job_and_nothing_else(
    start_ready: Callable[..., AbstractContextManager[Popen[bytes]]],
    small_disk: Path,
    harbour: Path,
) -> None:
    ballast = small_disk / "ballast"
    out = small_disk.parent / "out.mp4"
    run = ("run", "--json", "-a", str(harbour), str(clip("single_face.mp4")), "-o", str(out))
    with start_ready(small_disk) as process:
        empty = spooled(small_disk)
        fill(ballast, leaving=LEFT)
        in_the_render = lipsyncctl(small_disk, *run, "--crf", "0")
        failed = messages(in_the_render.stdout)[-1]["job"]
        assert spooled(small_disk) == empty
        fill(ballast, leaving=0)
        at_submit = lipsyncctl(small_disk, *run)
        assert spooled(small_disk) == empty
        ballast.unlink()
        good = lipsyncctl(small_disk, *run)
        assert process.poll() is None
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
    return {str(path) for path in (disk / "state" / "spool").rglob("*")}
