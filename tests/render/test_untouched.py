"""What a render leaves alone, sample for sample, before the encoder sees it: all but the mouth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import SHIPPED, InProcess
from support.media.clips import clip
from support.media.dubbing import Dubbing

from lipsyncd.face.box import CROP
from lipsyncd.face.warp import SUBSAMPLING, from_pixel, in_plane, touched
from lipsyncd.media.frame import Frame
from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.options import Options

HALF = CROP // 2


@pytest.fixture(scope="module")
def models(made: Path) -> InProcess:
    return InProcess(load_models(Wanted("cpu", SHIPPED, 0, made / "cache"), print))


@pytest.mark.parametrize("blend", ["transfer", "soft"])
def test_outside_the_lower_face_every_sample_is_as_it_was_decoded(
    models: InProcess, paper: Path, blend: str
) -> None:
    dubbing = Dubbing(clip("single_face.mp4"), paper, 48, models, Options(blend=blend))
    same, changed = 0, []
    for take, asked, picture in dubbing.pictures():
        masks = lower_face(take.frame, asked[0].place)
        differences = list(map(np.not_equal, take.frame.planes(), Frame(0, picture).planes()))
        for differs, inside in zip(differences, masks, strict=True):
            assert not differs[~inside].any()
            same += np.count_nonzero(~inside)
        changed.append(sum(map(np.count_nonzero, differences)))
    print(f"\n  {len(changed)} frames: {same} samples outside are the same,", end=" ")
    print(f"inside {min(changed)} to {max(changed)} of a frame are not")
    assert len(changed) == 48
    assert min(changed) > 0


@pytest.mark.parametrize("name, total", [("face_noface.mov", 90), ("noface_face.mov", 150)])
def test_a_frame_without_a_face_passes_through_as_it_was_decoded(
    models: InProcess, speak: Callable[[float], Path], name: str, total: int
) -> None:
    faceless, detector = 0, models.new_detector()
    for take, _, picture in Dubbing(clip(name), speak(total / 24), total, models).pictures():
        assert bool(take.seen) == bool(detector.faces(take.frame))
        if not take.seen:
            assert all(map(np.array_equal, take.frame.planes(), Frame(0, picture).planes()))
            faceless += 1
    print(f"\n  {faceless} of {total} frames have no face and are the same")
    assert 0 < faceless < total


def lower_face(frame: Frame, place: np.ndarray) -> list[np.ndarray]:
    """For Y, U and V, where the lower half of a crop lies."""
    masks = []
    for plane, subsampling in zip(frame.planes(), SUBSAMPLING, strict=True):
        matrix = from_pixel(in_plane(place, subsampling), 0, HALF)
        masks.append(np.zeros(plane.shape, bool))
        masks[-1][touched(plane, matrix, (CROP, HALF))] = True
    return masks
