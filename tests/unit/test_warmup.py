"""The warm-up renders something once, leaves nothing behind, and fails when rendering would."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.media.synthetic import examined

from lipsyncd.errors import UnreadableMedia, WarmUpFailed
from lipsyncd.media.source import examine_source
from lipsyncd.processes.warmup import FACE, RATE, SECONDS, SIDE, picture, warm_up, write_tone
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def whole(_options: Options, paths: Paths) -> Iterator[Progress]:
    assert paths.face.exists()
    assert paths.voices[0].exists()
    frames = round(SECONDS * RATE)
    yield Progress(1, frames, 1)
    yield Progress(frames, frames, frames)


def short(_options: Options, _paths: Paths) -> Iterator[Progress]:
    yield Progress(1, 1, 1)


def refused(_options: Options, _paths: Paths) -> Iterator[Progress]:
    yield Progress(0, 1, 0)
    raise UnreadableMedia("The face is no media.", "Convert it.")


def test_the_warm_up_renders_and_leaves_nothing(scratch: Path) -> None:
    warm_up(whole)
    assert list(scratch.iterdir()) == []


def test_the_made_up_media_are_what_a_job_could_bring(tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(picture())
    write_tone(tmp_path / "voice")
    source = examine_source(tmp_path / "face", "The face")
    assert (source.width, source.height) == (SIDE, SIDE)
    assert next(source.frames()).planes()[0].std() > 30
    assert examined(tmp_path / "voice").seconds == SECONDS
    left, top, right, bottom = FACE
    assert 0 <= left < right <= SIDE
    assert 0 <= top < bottom <= SIDE


@pytest.mark.parametrize("render, words", [(short, "1 frames"), (refused, "no media")])
def test_what_would_fail_a_job_fails_the_warm_up(scratch: Path, render: object, words: str) -> None:
    with pytest.raises(WarmUpFailed, match=words) as caught:
        warm_up(render)
    assert caught.value.hint
    assert list(scratch.iterdir()) == []
