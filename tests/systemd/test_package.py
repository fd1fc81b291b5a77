"""The Debian package: its installation, life, upgrade, removal, purge; what lintian says."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from support.media.clips import clip
from support.paths import ROOT
from support.systemd.machine import CACHE, PREFIX, VOICE, Machine, booted
from support.systemd.package import LENT, lent, next_version, package, why_not

pytestmark = pytest.mark.booted

APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "--quiet")
CONFIG = "/etc/lipsyncd/lipsyncd.toml"
MINE = "# mine\n[limits]\ndrain_seconds = 0\n"
STATE = "/var/lib/private/lipsyncd"


@pytest.fixture(scope="module")
def deb(installed: None) -> Iterator[Path]:
    """The package."""
    if reason := why_not():
        pytest.skip(reason)
    with package() as made:
        yield made


@pytest.fixture
def fresh(deb: Path) -> Iterator[Machine]:
    """A machine without lipsyncd. Its /opt is on the disk, for the whole package is large."""
    opt = CACHE / f"opt.{os.getpid()}"
    opt.mkdir()
    try:
        binds = (f"--bind={opt}:/opt", f"--bind={lent()}:{LENT}", f"--bind={deb.parent}")
        with booted(*binds) as machine:
            yield machine
    finally:
        shutil.rmtree(opt)


@pytest.fixture
def upgrade(deb: Path) -> Iterator[Path]:
    """The package once more, as a version to come."""
    folder = CACHE / f"upgrade.{os.getpid()}"
    folder.mkdir()
    try:
        yield next_version(deb, folder)
    finally:
        shutil.rmtree(folder)


def test_lintian_finds_no_errors(deb: Path) -> None:
    if not shutil.which("lintian"):
        pytest.skip("there is no lintian, which Debian's package of that name brings")
    command = ["lintian", "--fail-on", "error", str(deb)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_install_render_upgrade_with_a_queued_job_remove_and_purge(
    fresh: Machine, deb: Path, upgrade: Path, figure: Callable[[str], None]
) -> None:
    fresh.sabotage("held_render")
    before = fresh.files()
    fresh.write(f"{PREFIX}/pyvenv.cfg", "")
    assert "make uninstall comes first" in fresh.tried(*APT, "install", str(deb)).stdout
    fresh.run("rm", "-r", PREFIX)

    begun = monotonic()
    fresh.run(*APT, "install", str(deb))
    figure(f"apt install ./lipsyncd_*.deb: {monotonic() - begun:.1f} s")
    assert "is a package's" in fresh.tried("make", "-C", str(ROOT), "uninstall").stderr
    assert fresh.show("ActiveState") == "inactive", "the installation has started it"
    fresh.inside(CONFIG).write_text(MINE)
    fresh.run("systemctl", "start", "lipsyncd")
    go_on = fresh.inside(f"{STATE}/go-on")
    go_on.write_text("now")
    fresh.run("lipsyncctl", "run", "-a", VOICE, str(clip("single_face.jpg")), "-o", "/root/out.mp4")

    go_on.write_text("")
    running = fresh.running()
    queued, old = fresh.submit(), fresh.show("MainPID")
    fresh.run(*APT, "install", str(upgrade))
    assert fresh.show("MainPID") not in {old, "0"}, "the upgrade has not restarted it"
    assert fresh.inside(CONFIG).read_text() == MINE, "the upgrade took the configuration"
    go_on.write_text("now")
    fresh.run("lipsyncctl", "wait", *running, queued)
    assert fresh.job(queued)["attempts"] == 1

    fresh.run("systemctl", "enable", "lipsyncd@cpu")
    fresh.write(f"{PREFIX}/lib/__pycache__/compiled.nbc", "as librosa's, if root runs lipsyncd")
    fresh.run(*APT, "remove", "lipsyncd")
    assert not fresh.inside(PREFIX).exists()
    assert fresh.show("ActiveState") == "inactive"
    assert not fresh.inside("/run/lipsyncd/control.sock").exists()
    assert fresh.inside(CONFIG).read_text() == MINE and fresh.inside(STATE).exists()
    fresh.run(*APT, "purge", "lipsyncd")
    assert {path for path in fresh.files() - before if "lipsync" in path} == set()
