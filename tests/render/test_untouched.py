"""What a render leaves alone, sample for sample, before the encoder sees it: all but the mouth."""

import math
from collections.abc import Callable, Iterator
from itertools import chain, tee
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import SHIPPED, InProcess
from support.media.clips import clip
from support.media.synthetic import examined

from lipsyncd.config import Config
from lipsyncd.face.blend import LOWER, SUBSAMPLING, SoftBlend, part_of
from lipsyncd.face.box import Box
from lipsyncd.face.track import Sighting
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source, timeline
from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import Take, dub, follow, hear


@pytest.fixture(scope="module")
def models(made: Path) -> InProcess:
    return InProcess(load_models(Wanted("cpu", SHIPPED, 0, made / "cache"), print))


def test_outside_the_lower_face_every_sample_is_as_it_was_decoded(
    models: InProcess, paper: Path
) -> None:
    same, changed = 0, []
    for sighting, picture in dubbed(clip("single_face.mp4"), paper, 48, models):
        assert sighting.box is not None
        masks = lower_face(sighting.frame, sighting.box)
        differences = list(map(np.not_equal, sighting.frame.planes(), picture.planes()))
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
    for sighting, picture in dubbed(clip(name), speak(total / 24), total, models):
        assert bool(sighting.box) == bool(detector.faces(sighting.frame))
        if sighting.box is None:
            assert all(map(np.array_equal, sighting.frame.planes(), picture.planes()))
            faceless += 1
    print(f"\n  {faceless} of {total} frames have no face and are the same")
    assert 0 < faceless < total


def dubbed(
    face: Path, voice: Path, total: int, models: InProcess
) -> Iterator[tuple[Sighting, Frame]]:
    """Each frame with its face, and the picture that a render would give to the encoder."""
    options, spoken = Options(), examined(voice)
    source = examine_source(face, "The face")
    frames = timeline(source, total, options.extend)
    sightings, kept = tee(follow(frames, options, models, Config().render))
    takes = map(Take, sightings, hear(spoken, source, total, options, models))
    batches = dub(takes, SoftBlend(source.colour), models)
    pictures = chain.from_iterable(batch.pictures for batch in batches)
    for sighting, picture in zip(kept, pictures, strict=True):
        yield sighting, Frame(sighting.frame.index, picture)


def lower_face(frame: Frame, box: Box) -> list[np.ndarray]:
    """For Y, U and V, where the lower half of the box lies."""
    lower, masks = part_of(box, LOWER), []
    for plane, subsampling in zip(frame.planes(), SUBSAMPLING, strict=True):
        rows = slice(math.floor(lower.top / subsampling), math.ceil(lower.bottom / subsampling))
        columns = slice(math.floor(lower.left / subsampling), math.ceil(lower.right / subsampling))
        masks.append(np.zeros(plane.shape, bool))
        masks[-1][rows, columns] = True
    return masks
