"""A frame of a result is a function of source, voice, options and plan: parts equal the whole."""

import itertools
from dataclasses import replace
from pathlib import Path

import msgpack
import numpy as np
import pytest
from support.checkpoints import SHIPPED, InProcess
from support.media.clips import clip
from support.media.dubbing import Dubbing

from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.options import Options
from lipsyncd.render.plan import Plan

TOTAL = 84  # more than the clip has: the last ones are shown backwards
PARTS = [0, 13, 42, 77, TOTAL]


@pytest.fixture(scope="module")
def models(made: Path) -> InProcess:
    return InProcess(load_models(Wanted("cpu", SHIPPED, 0, made / "cache"), print))


@pytest.fixture(scope="module", params=["transfer", "soft", "box"])
def dubbing(request: pytest.FixtureRequest, models: InProcess, paper: Path) -> Dubbing:
    options = Options(blend=request.param)
    return Dubbing(clip("single_face.mp4"), paper, TOTAL, models, options)


def pictures(dubbing: Dubbing, first: int, stop: int) -> list[np.ndarray]:
    return [picture.to_ndarray() for *_, picture in dubbing.pictures(first, stop)]


def test_parts_that_are_rendered_alone_are_those_of_the_whole(dubbing: Dubbing) -> None:
    whole = pictures(dubbing, 0, TOTAL)
    parts = [
        picture
        for first, stop in itertools.pairwise(PARTS)
        for picture in pictures(dubbing, first, stop)
    ]
    assert len(whole) == len(parts) == TOTAL
    for number, (picture, other) in enumerate(zip(whole, parts, strict=True)):
        np.testing.assert_array_equal(picture, other, err_msg=f"frame {number}")


def test_a_plan_that_was_stored_makes_the_same_pictures(dubbing: Dubbing) -> None:
    before, scene = pictures(dubbing, 20, 40), dubbing.scene
    stored = msgpack.packb(scene.plan.as_map())
    dubbing.scene = replace(scene, plan=Plan.from_map(msgpack.unpackb(stored)))
    for picture, other in zip(before, pictures(dubbing, 20, 40), strict=True):
        np.testing.assert_array_equal(picture, other)
