"""`make install`, a life, an upgrade, `make uninstall`, on a machine that a systemd has booted."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from support.media.clips import clip
from support.paths import ROOT
from support.systemd.machine import CACHE, INSTALLED, PREFIX, PYTHON, VOICE, Machine, booted

pytestmark = pytest.mark.booted

ELSEWHERE = "/srv/lipsyncd"
MAKE = ("make", "--silent", "-C", str(ROOT), f"PREFIX={ELSEWHERE}", f"PYTHON={PYTHON}")
CONFIG = "/etc/lipsyncd/lipsyncd.toml"
# What an uninstallation leaves: configuration, state, and systemd's own notes.
KEPT = (
    "/etc/lipsyncd/",
    "/etc/systemd/system/lipsyncd.service.d/",
    "/var/lib/private/lipsyncd/",
    "/var/lib/lipsyncd",
    "/var/lib/systemd/",
)


@pytest.mark.usefixtures("installed")
def test_every_link_of_the_installed_pages_leads_to_what_is_installed_with_them() -> None:
    manual = INSTALLED / PREFIX[1:] / "share/doc/lipsyncd"
    pages = sorted(manual.rglob("*.md"))
    assert len(pages) > 3
    for page in pages:
        links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.usefixtures("installed")
def test_the_pages_that_the_units_name_are_installed() -> None:
    for unit in sorted((ROOT / "systemd").glob("*.s*")):
        for name, section in re.findall(r"man:(\S+)\((\d)\)", unit.read_text(encoding="utf-8")):
            page = INSTALLED / f"usr/local/share/man/man{section}/{name}.{section}"
            assert page.read_text(encoding="utf-8").splitlines()[1].startswith(".TH")


@pytest.fixture
def bare(installed: None) -> Iterator[Machine]:
    """A machine without lipsyncd, but with the big packages that it needs already in their place.

    They are links to those of the other tests' installation, to save the download. The machine has
    the network, which pip wants.
    """
    srv = CACHE / f"srv.{os.getpid()}"
    ours = shutil.ignore_patterns("lipsyncd*", "lipsyncctl*")
    shutil.copytree(INSTALLED / PREFIX[1:], srv / "lipsyncd", True, ours, os.link)
    try:
        with booted("--host-net", f"--bind={srv}:/srv") as machine:
            yield machine
    finally:
        shutil.rmtree(srv)


def test_install_render_upgrade_with_a_queued_job_and_uninstall(
    bare: Machine, figure: Callable[[str], None]
) -> None:
    bare.sabotage("held_render")
    before, begun = bare.files(), monotonic()
    assert "systemctl enable --now" in bare.run(*MAKE, "install")
    figure(f"make install, the packages being there: {monotonic() - begun:.1f} s")
    begun = monotonic()
    bare.run("systemctl", "enable", "--now", "lipsyncd.socket", "lipsyncd")
    figure(f"systemctl start, the first ever (librosa compiles): {monotonic() - begun:.1f} s")
    go_on = bare.inside("/var/lib/private/lipsyncd/go-on")
    go_on.write_text("now")
    bare.run("lipsyncctl", "run", "-a", VOICE, str(clip("single_face.jpg")), "-o", "/root/out.mp4")

    go_on.write_text("")
    running = bare.running()
    queued = bare.submit()
    bare.inside(CONFIG).write_text("# mine\n")
    assert "systemctl restart" in bare.run(*MAKE, "install")
    assert bare.inside(CONFIG).read_text() == "# mine\n", "the upgrade took the configuration"
    assert bare.job(queued)["state"] == "queued", "there was nothing in the queue to upgrade with"
    go_on.write_text("now")
    bare.run("systemctl", "restart", "lipsyncd")
    bare.run("lipsyncctl", "wait", *running, queued)
    assert bare.job(queued)["attempts"] == 1

    bare.run("systemctl", "enable", "lipsyncd@cpu")
    bare.run(*MAKE, "uninstall")
    assert {path for path in bare.files() - before if not path.startswith(KEPT)} == set()
    assert bare.inside(CONFIG).read_text() == "# mine\n"
    assert not bare.inside(ELSEWHERE).exists()
    assert not bare.inside("/run/lipsyncd/control.sock").exists()
    assert bare.tried("systemctl", "list-unit-files", "--no-legend", "lipsyncd*").stdout == ""
    assert bare.show("ActiveState") == "inactive"
