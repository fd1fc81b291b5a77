"""The sync expert finds which sound belongs to a face, and how far off another is."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.checkpoints import InProcess, judge, models_of, random_generator, write_safetensors
from support.media.synthetic import textured
from support.paths import TALKERS
from support.quality import metrics
from support.quality.footage import Viewer

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.media.mel import mel_columns
from lipsyncd.media.voice import examine_voice
from lipsyncd.model.expert import FRAMES, Expert, convolved, load_expert
from lipsyncd.render.sync import FARTHEST, OFFSETS, cosines, windows_around


@pytest.mark.parametrize("name", ["grid_lrwp9a.mpg", "grid_s1_pbbj1a.mpg"])
def test_the_expert_finds_the_offset_of_a_real_clip(name: str, tmp_path: Path) -> None:
    path = TALKERS / name
    if not path.exists():
        pytest.skip(f"{path} is not here: it comes with no package")
    voice = examine_voice(path, "The voice")
    generator = write_safetensors(tmp_path / "generator.safetensors", random_generator())
    viewer = Viewer(InProcess(models_of(generator)))
    crops = viewer.source(path, voice.seconds).crops()
    mel, expert = np.hstack(list(mel_columns(voice))), Expert(judge())
    around = windows_around([mel], 0, len(crops) - FRAMES + 1)
    whole, later = cosines(expert, crops, around), cosines(expert, crops[4:], around)
    assert metrics.best_offset(whole) == 0
    assert metrics.best_offset(later) == 4
    assert metrics.sync(whole) > metrics.far_sync(whole) + 0.1


def test_the_expert_scores_every_five_frames_at_every_offset() -> None:
    crops = np.stack([cv2.resize(textured(each), (96, 96)) for each in range(7)])
    mel = np.random.default_rng(1).uniform(-4, 4, (80, 30)).astype(np.float32)
    found = cosines(Expert(judge()), crops, windows_around([mel], 0, 3))
    assert found.shape == (3, len(OFFSETS))
    assert (np.abs(found) <= 1).all()
    assert metrics.best_offset(np.eye(len(OFFSETS))[[2]]) == OFFSETS[2]


def test_sound_begins_with_its_frame_and_is_silent_beyond_the_ends() -> None:
    mel = np.arange(40, dtype=np.float32) * np.ones((80, 1), np.float32)
    windows = windows_around([mel], 0, 5)
    assert windows.shape == (5 + 2 * FARTHEST, 80, 16)
    np.testing.assert_array_equal(windows[FARTHEST], mel[:, :16])
    np.testing.assert_array_equal(windows[FARTHEST + 4], mel[:, 12:28])
    assert (windows[0] == -4).all()
    assert (windows[-1] == -4).all()


@pytest.mark.parametrize("stride, padding", [((1, 1), 3), ((1, 2), 1), ((3, 2), 1), ((1, 1), 0)])
def test_a_convolution_is_that_of_the_library_it_was_trained_with(
    stride: tuple[int, int], padding: int
) -> None:
    chance = np.random.default_rng(1)
    values, weight = chance.normal(size=(2, 12, 9, 4)), chance.normal(size=(3, 3, 4, 5))
    wanted = torch.nn.functional.conv2d(
        torch.from_numpy(values).permute(0, 3, 1, 2),
        torch.from_numpy(weight).permute(3, 2, 0, 1),
        stride=stride,
        padding=padding,
    )
    found = convolved(values, weight, stride, padding)
    np.testing.assert_allclose(found, wanted.permute(0, 2, 3, 1).numpy(), atol=1e-12)


def test_another_model_is_refused(tmp_path: Path) -> None:
    other = write_safetensors(tmp_path / "other.safetensors", random_generator())
    with pytest.raises(CheckpointInvalid, match="is not the sync expert"):
        load_expert(other, lambda _: None)
    (tmp_path / "page").write_bytes(b"<html>")
    with pytest.raises(CheckpointInvalid, match="is not the sync expert"):
        load_expert(tmp_path / "page", lambda _: None)
