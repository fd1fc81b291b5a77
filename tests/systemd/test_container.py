"""The image: it is built of the package, and its daemon renders as a user without any rights.

`make test LIPSYNCD_DEB=path`, with Podman, builds and starts it, which takes minutes. Its base is
the one that its Containerfile names, or a file system that LIPSYNCD_BASE names, as a tar.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from support.paths import ROOT
from support.systemd.machine import VOICE

USER = 10001
# The runtimes of OCI, the ones first that run on more kinds of machines; what they have as default
# limits a machine may refuse.
RUNTIMES = "runc", "crun"
LIMITS = "--ulimit=nofile=8192:8192", "--ulimit=nproc=8192:8192"
RIGHTS = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none")
IMAGE, NAME = "localhost/lipsyncd:test", f"lipsyncd-test-{os.getpid()}"


def why_not() -> str:
    """Why there can be no image here; empty if there can."""
    if not shutil.which("podman"):
        return "there is no podman, which Debian's package of that name brings"
    if not any(map(shutil.which, RUNTIMES)):
        return "podman has no runtime, as Debian's package runc"
    if not os.environ.get("LIPSYNCD_DEB"):
        return "to pack a whole image takes minutes: `make deb`, then `make test LIPSYNCD_DEB=path`"
    return ""


@contextmanager
def podman(storage: Path) -> Iterator[list[str]]:
    """Podman with images and containers of its own, of which nothing is left."""
    runtime = next(filter(shutil.which, RUNTIMES))
    places = [f"--root={storage / 'root'}", f"--runroot={storage / 'run'}"]
    command = ["podman", *places, f"--runtime={runtime}"]
    try:
        yield command
    finally:
        subprocess.run([*command, "rm", "--all", "--force"], check=False, capture_output=True)
        subprocess.run([*command, "rmi", "--all", "--force"], check=False, capture_output=True)


def said(*command: object) -> str:
    """What a command says on stdout; it has to succeed."""
    told = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def built(command: list[str], folder: Path) -> None:
    """The image, of the package that is named."""
    folder.mkdir()
    package = (ROOT / os.environ["LIPSYNCD_DEB"]).resolve()
    shutil.copyfile(package, folder / "lipsyncd_0_any.deb")
    chosen = []
    if base := os.environ.get("LIPSYNCD_BASE"):
        said(*command, "import", base, "localhost/base:test")
        chosen = ["--build-arg=BASE=localhost/base:test"]
    file = ROOT / "systemd/container/Containerfile"
    how = ["--isolation=chroot", "--layers=false", "--tag", IMAGE, "--file", file]
    said(*command, "build", *how, *chosen, folder)
    shutil.rmtree(folder)


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
def test_an_image_of_the_package_renders_caged_as_a_user_without_rights(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    shutil.copy(VOICE, media / "voice")
    shutil.copy(ROOT / "tests/media/demo.jpg", media)
    os.chown(media, USER, USER)
    with podman(tmp_path) as command:
        built(command, tmp_path / "context")
        mounted = [f"--volume={media}:/media", "--volume=state:/var/lib/lipsyncd"]
        mounted += ["--volume=run:/run/lipsyncd"]
        program = ["lipsyncd", "--socket=/run/lipsyncd/control.sock", "--device=cpu"]
        program += ["--state=/var/lib/lipsyncd/state"]
        said(
            *command,
            "run",
            "--detach",
            f"--name={NAME}",
            *LIMITS,
            *RIGHTS,
            *mounted,
            IMAGE,
            *program,
        )

        inside = [*command, "exec", NAME]
        said(*inside, "lipsyncctl", "health", "--wait-ready", "10m")
        assert said(*inside, "id", "--user").strip() == f"{USER}"
        assert all(json.loads(said(*inside, "lipsyncctl", "--json", "info"))["cage"].values())
        paths = ["/media/voice", "/media/demo.jpg", "-o", "/media/out.mp4"]
        said(*inside, "lipsyncctl", "run", "-a", *paths)
        said(*inside, "lipsyncctl", "drain")
        said(*inside, "lipsyncctl", "health", "--live")
        said(*command, "stop", "--time=60", NAME)
        assert said(*command, "inspect", NAME, "--format={{.State.ExitCode}}").strip() == "0"
    with av.open(str(media / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 1
