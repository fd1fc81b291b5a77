"""The Debian package: a whole one, or one made in seconds for whoever tests what dpkg does."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from support.paths import ROOT
from support.systemd.machine import CACHE, INSTALLED, PREFIX

PACKAGES = "lib/python3.*/site-packages"
# Where a machine has what a package that was made in seconds only links to.
LENT = "/srv/packages"
# What of the environment is in it: what the build runs or asks, and what it is all about.
OWN = (
    "lipsync*",
    "*.dist-info",
    "pip",
    "setuptools",
    "_distutils_hack",
    "*.pth",
    "shtab",
    "msgpack*",
    "sdnotify*",
)


def why_not() -> str:
    """Why no package can be made here; empty if one can."""
    needed = ("dpkg-deb", "apt-get", "dh")
    missing = [program for program in needed if not shutil.which(program)]
    return f"a package needs {missing[0]} (see .ci/run for the packages)" if missing else ""


def lent() -> Path:
    """What the tests' installation has at `LENT`."""
    (packages,) = (INSTALLED / PREFIX[1:]).glob(PACKAGES)
    return packages


@contextmanager
def package() -> Iterator[Path]:
    """The package that $LIPSYNCD_DEB names.

    Without it, one that `make deb` makes of the tests' installation, with links in place of all
    that others have written: to pack and unpack PyTorch would take minutes.
    """
    if named := os.environ.get("LIPSYNCD_DEB"):
        yield (ROOT / named).resolve()
        return
    folder = CACHE / f"deb.{os.getpid()}"
    environment = folder / "environment"
    try:
        shutil.copytree(INSTALLED / PREFIX[1:], environment, symlinks=True, ignore=not_ours)
        (packages,) = environment.glob(PACKAGES)
        for each in sorted({each.name for each in lent().iterdir()}):
            if not (packages / each).exists():
                (packages / each).symlink_to(f"{LENT}/{each}")
        knobs = [f"ENVIRONMENT={environment}", f"DIST={folder}"]
        command = ["make", "--silent", "deb", *knobs]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        (made,) = folder.glob("lipsyncd_*.deb")
        yield made
    finally:
        shutil.rmtree(folder)


def not_ours(folder: str, names: list[str]) -> set[str]:
    """Of the packages of an environment those that are lent."""
    if not fnmatch(folder, f"*/{PACKAGES}"):
        return set()
    return {name for name in names if not any(fnmatch(name, own) for own in OWN)}


def next_version(package: Path, folder: Path) -> Path:
    """The same package as an upgrade of itself."""
    tree, upgrade = folder / "tree", folder / "upgrade.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    lines = control.read_text(encoding="utf-8").splitlines()
    raised = [f"{line}+next" if line.startswith("Version: ") else line for line in lines]
    control.write_text("\n".join([*raised, ""]), encoding="utf-8")
    command = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, upgrade]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return upgrade
