"""Which face is given the voice, and what becomes of frames that have none."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import av
import numpy as np
import pytest
from support.client.command import messages
from support.media.clips import clip

Ctl = Callable[..., CompletedProcess[str]]

# In multi_face.jpg, in pixels: the face in front, which is the largest.
LARGEST = (slice(289, 450), slice(680, 795))  # rows, columns


@pytest.mark.parametrize(
    "name, seconds, counts",
    [("face_noface.mov", 3, (90, 72)), ("noface_face.mov", 5, (150, 32))],
)
def test_a_face_may_come_and_go(
    ctl: Ctl, speak: Callable[[float], Path], name: str, seconds: int, counts: tuple[int, int]
) -> None:
    job = ctl("submit", "-a", str(speak(seconds)), str(clip(name))).stdout.strip()
    ended = messages(ctl("wait", "--json", job).stdout)[-1]["job"]
    print(f"\n  a face in {ended['faces']} of {ended['total']} frames")
    assert ended["state"] == "succeeded", ended["error"]
    assert (ended["total"], ended["faces"]) == counts


def test_where_a_face_has_gone_the_job_notes_it_and_run_tells_it(
    ctl: Ctl, speak: Callable[[float], Path], tmp_path: Path
) -> None:
    out = str(tmp_path / "out.mp4")
    ended = ctl("run", "-a", str(speak(3)), str(clip("face_noface.mov")), "-o", out)
    print(f"\n{ended.stderr}")
    assert ended.returncode == 0
    listed = messages(ctl("list", "--json").stdout)[-1]["jobs"][-1]
    rate, away = listed["notes"]
    assert away == "There is no face at 0:02.4-0:03.0: the picture is left as it is."
    assert "at no constant rate" in rate
    for note in listed["notes"]:
        assert note in ended.stderr
        assert note in ctl("status", listed["id"]).stdout


@pytest.mark.parametrize("bound", [("--min-coverage", "0.9"), ("--max-gap", "0.5")])
def test_a_face_that_is_away_for_more_than_is_borne_with_is_refused_before_any_work(
    ctl: Ctl, speak: Callable[[float], Path], tmp_path: Path, bound: tuple[str, str]
) -> None:
    out = tmp_path / "out.mp4"
    face = str(clip("face_noface.mov"))
    ended = ctl("run", "--json", *bound, "-a", str(speak(3)), face, "-o", str(out))
    job = messages(ended.stdout)[-1]["job"]
    print(f"\n  {job['error']['message']} {job['error']['hint']}")
    assert ended.returncode == 65
    assert job["error"]["name"] == "input.face_away"
    assert job["done"] == 0
    assert not out.exists()


def test_where_no_face_is_found_the_error_tells_where_it_was_looked_for(
    ctl: Ctl, word: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    ended = ctl("run", "--json", "-a", str(word), str(clip("no_face.mp4")), "-o", str(out))
    error = messages(ended.stdout)[-1]["job"]["error"]
    print(f"\n  {error['message']} {error['hint']}")
    assert ended.returncode == 65
    assert error["name"] == "input.no_face"
    assert "in any of the 14 frames" in error["message"]  # 0.6 s at 24 frames a second
    assert "looked at" in error["message"]
    assert not out.exists()


def test_of_many_faces_the_largest_speaks(render: Callable[..., Path], word: Path) -> None:
    face = clip("multi_face.jpg")
    with av.open(str(render(face, word, "--crf", "0"))) as container:
        luma = np.array([f.to_ndarray()[: f.height] for f in container.decode(video=0)], int)
    changes = np.ptp(luma, axis=0)
    moved = np.count_nonzero(changes[LARGEST])
    changes[LARGEST] = 0
    print(f"\n  {moved} samples change in the largest face, {np.count_nonzero(changes)} elsewhere")
    assert moved > 1000
    assert not changes.any()


def test_a_box_beside_the_picture_is_refused(ctl: Ctl, word: Path, tmp_path: Path) -> None:
    face = str(clip("single_face.jpg"))
    out = str(tmp_path / "out.mp4")
    ended = ctl("run", "--json", "--box", "600,0,700,100", "-a", str(word), face, "-o", out)
    assert messages(ended.stdout)[-1]["job"]["error"]["name"] == "request.invalid"
    assert "572 x 562 pixels" in ended.stdout
