"""The warm-up renders something once, leaves nothing behind, and fails when rendering would."""

import tempfile
from pathlib import Path

import pytest
from support.checkpoints import models_of, random_generator, write_safetensors
from support.media.synthetic import examined

from lipsyncd.config import Config
from lipsyncd.errors import WarmUpFailed
from lipsyncd.media.source import examine_source
from lipsyncd.model.residency import Models
from lipsyncd.render.warmup import (
    FACE,
    SECONDS,
    SIDE,
    refuse_empty,
    warm_up,
    write_picture,
    write_tone,
)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return models_of(write_safetensors(tmp_path / "weights", random_generator()), 4)


def test_the_warm_up_renders_and_leaves_nothing(models: Models, scratch: Path) -> None:
    warm_up(models, Config().render)
    assert list(scratch.iterdir()) == []


def test_the_made_up_media_are_what_a_job_could_bring(tmp_path: Path) -> None:
    write_picture(tmp_path / "face")
    write_tone(tmp_path / "voice")
    source = examine_source(tmp_path / "face", "The face")
    assert (source.width, source.height) == (SIDE, SIDE)
    assert next(source.frames()).planes()[0].std() > 30
    assert examined(tmp_path / "voice").seconds == SECONDS
    left, top, right, bottom = FACE
    assert 0 <= left < right <= SIDE
    assert 0 <= top < bottom <= SIDE


def test_a_result_of_the_wrong_length_fails_the_warm_up(tmp_path: Path) -> None:
    write_picture(tmp_path / "result")
    with pytest.raises(WarmUpFailed, match="1 frames") as caught:
        refuse_empty(tmp_path / "result")
    assert caught.value.hint
