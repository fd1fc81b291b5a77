"""Several voices: each moves the lips of its own face, and nobody is given two."""

from fractions import Fraction

import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.faces import Drawn, drawn

from lipsyncd.errors import NoFace
from lipsyncd.media.frame import Frame
from lipsyncd.protocol.options import Options
from lipsyncd.render.plan import Plan, Planner

LEFT: Drawn = (100, 120, 45)
RIGHT: Drawn = (320, 120, 55)  # the larger one


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


def planned(models: InProcess, who: str, *faces: Drawn) -> Plan:
    """The plan of a shot of these faces."""
    picture = drawn(440, 240, list(faces)).picture
    planner = Planner(Options(who=who), models, 5, Fraction(25))
    for _ in planner.look([Frame(index, picture) for index in range(12)]):
        pass
    return planner.plan()


def voices_of(plan: Plan) -> dict[str, int]:
    """Which voice each face follows."""
    sides = {
        "left" if seen.face.box.middle[0] < 200 else "right": seen.track.voice
        for seen in plan.seen(6)
    }
    assert len(sides) == len(plan.seen(6))
    return sides


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("left right", {"left": 0, "right": 1}),
        ("right left", {"left": 1, "right": 0}),
        ("2 1", {"left": 1, "right": 0}),
        ("largest left", {"left": 1, "right": 0}),
        ("100,120 320,120", {"left": 0, "right": 1}),
        ("right", {"right": 0}),
        ("all", {"left": 0, "right": 0}),
    ],
)
def test_each_face_follows_the_voice_that_it_is_named_for(
    models: InProcess, who: str, expected: dict[str, int]
) -> None:
    assert voices_of(planned(models, who, LEFT, RIGHT)) == expected


@pytest.mark.parametrize("who", ["left 1", "right largest", "320,120 right"])
def test_who_has_a_voice_is_given_no_other(models: InProcess, who: str) -> None:
    second = who.split()[1]
    with pytest.raises(NoFace, match=f"none for `{second}` that has no voice yet"):
        planned(models, who, LEFT, RIGHT)


def test_for_a_third_voice_there_has_to_be_a_third_face(models: InProcess) -> None:
    with pytest.raises(NoFace, match="none for `3`"):
        planned(models, "1 2 3", LEFT, RIGHT)


def test_a_plan_that_was_stored_knows_the_voices(models: InProcess) -> None:
    plan = planned(models, "right left", LEFT, RIGHT)
    assert voices_of(Plan.from_map(plan.as_map())) == voices_of(plan)
