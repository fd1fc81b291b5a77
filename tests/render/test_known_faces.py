"""A face that was rendered before is not looked through again: its next video is the same bytes."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.daemon.process import ready
from support.daemon.served import Daemon
from support.media.clips import clip

from lipsyncd.model.detector import Detector
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import render
from lipsyncd.render.process import Settings
from lipsyncd.render.scene import Files

SETTINGS = Settings(crf=30, preset="ultrafast", detect_every=5, max_voice_seconds=600)
FACE = "single_face.mp4"


class Folder:
    """Plans that are kept in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sought(self, names: Sequence[str]) -> BinaryIO | None:
        paths = (self._path / name for name in names)
        return next((path.open("rb") for path in paths if path.exists()), None)

    def keep(self, name: str, content: bytes) -> None:
        (self._path / name).write_bytes(content)


def test_a_face_that_was_looked_through_is_not_looked_through_again(
    tmp_path: Path, speak: Callable[[float], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[list[object]] = []
    find = Detector.faces

    def counted(*inputs: object) -> object:
        looks[-1].append(inputs[1])
        return find(*inputs)

    monkeypatch.setattr(Detector, "faces", counted)
    models = InProcess(models_of(write_safetensors(tmp_path / "weights", random_generator())))
    plans, options = Folder(tmp_path), Options(blend="soft")
    made = []
    for seconds in (4.0, 4.0, 5.0):
        looks.append([])
        with (tmp_path / "result").open("w+b") as result, (tmp_path / "work").open("w+b") as work:
            files = Files(clip(FACE), (speak(seconds),), result, work, plans=plans)
            for _ in render(options, files, models, SETTINGS):
                pass
        made.append((tmp_path / "result").read_bytes())
    first, *others = map(len, looks)
    assert first > 4 * 24 // SETTINGS.detect_every
    assert others == [2, 2]  # for the face at rest, and as it shows its teeth
    assert made[0] == made[1] != made[2]


def test_the_daemon_keeps_what_it_knows_of_a_face_for_each_users_next_jobs(
    tmp_path: Path, speak: Callable[[float], Path]
) -> None:
    weights = write_safetensors(tmp_path / "weights", random_generator())
    with ready(tmp_path, f'checkpoint = "{weights}"\n') as process:
        daemon, cache = Daemon(tmp_path, process, speak(4.0)), tmp_path / "state/cache/plans"
        assert not cache.exists()  # the warm-up is nobody's
        wanted = daemon.result_of(daemon.submit("--blend", "soft"))
        (plan,) = cache.iterdir()
        used = plan.stat().st_mtime_ns
        assert daemon.result_of(daemon.submit("--blend", "soft")) == wanted
        assert plan.stat().st_mtime_ns > used
        shutil.copyfile(clip("single_face.jpg"), plan)
        assert daemon.result_of(daemon.submit("--blend", "soft")) == wanted
    assert "Traceback" not in process.log
