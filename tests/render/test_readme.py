"""What the README shows to who makes videos, typed as it stands."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import cv2
import pytest
from support.media.clips import clip
from support.pages import readme_blocks
from support.paths import PACKAGES, ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that has what `make demo` leaves in a checkout."""
    if not (Path(sys.prefix) / "bin/activate").exists():
        pytest.skip("the tests run in no virtual environment")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/clips").symlink_to(clip("single_face.mp4").parent)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    return tmp_path


def test_who_makes_videos_can_type_what_the_readme_shows(checkout: Path) -> None:
    own = {"LIPSYNCD_SOCKET": str(checkout / "socket"), "STATE_DIRECTORY": str(checkout / "state")}
    words = ["bash", "-e", "-c", readme_blocks()["Make a video", "sh"]]
    env = os.environ | own | {"PYTHONPATH": PACKAGES}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=checkout, env=env, start_new_session=True, **pipes) as shell:
        try:
            answer, notices = shell.communicate()  # returns when the daemon has gone, too
        finally:
            if shell.returncode is None:
                os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, notices + (checkout / "lipsyncd.log").read_text()
    assert "spoken.mp4: " in answer
    for name in ("spoken.mp4", "calmer.mp4"):
        with av.open(str(checkout / name)) as result:
            assert result.streams.video[0].frames > 80
    assert cv2.imread(str(checkout / "strip.png")) is not None
