"""A plan knows every face of a source before its render, can be stored, and comes out the same."""

from fractions import Fraction

import msgpack
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.media.faces import Drawn, drawn, face_of
from support.media.synthetic import frame_of, textured

from lipsyncd.errors import NoFace
from lipsyncd.face.box import Box
from lipsyncd.face.face import FIELDS, Face
from lipsyncd.face.reference import steady_forward
from lipsyncd.face.track import Run, Track
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source
from lipsyncd.protocol.options import Options
from lipsyncd.render.choice import Span
from lipsyncd.render.plan import FADE, NEAR, Plan, Planner, faded

RATE = Fraction(25)
EVERY = 5
FACE: Drawn = (160, 120, 50)
HERE = Face(Box(100.0, 80.0, 200.0, 200.0))
FADING = [step / (FADE + 1) for step in range(FADE, 0, -1)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


def track(start: int, strength: list[float], face: Face = HERE, neutral: int = 0) -> Track:
    rows = np.tile(face.row(), (len(strength), 1)).astype(np.float32)
    return Track(start, rows, np.array(strength, np.float32), neutral)


def shot(*parts: tuple[int, Drawn | None]) -> list[Frame]:
    """Frames that show a face for so long, or none; the background stays the same."""
    pictures = [drawn(320, 240, [face] if face else []).picture for _, face in parts]
    counts = [count for count, _ in parts]
    shown = [picture for picture, n in zip(pictures, counts, strict=True) for _ in range(n)]
    return [Frame(index, picture) for index, picture in enumerate(shown)]


def planned(frames: list[Frame], models: InProcess, **chosen: object) -> Plan:
    planner = Planner(Options(**chosen), models, EVERY, RATE)
    *_, seen = planner.look(frames)
    assert seen == len(frames)
    return planner.plan()


# What a plan knows


def test_a_plan_tells_the_face_of_each_frame() -> None:
    plan = Plan(30, (track(4, [1.0, 0.5, 0.0]), track(20, [1.0])))
    strengths = {index: [seen.strength for seen in plan.seen(index)] for index in range(-1, 31)}
    found = {index: known for index, known in strengths.items() if known}
    assert found == {4: [1.0], 5: [0.5], 20: [1.0]}
    (seen,) = plan.seen(5)
    assert (seen.track, seen.face.box) == (plan.tracks[0], HERE.box)


def test_a_face_is_shown_no_further_than_it_is_wanted() -> None:
    plan = Plan(3, (track(0, [1.0, 0.5, 1.0]),))
    assert plan.seen(1, 0.5)[0].strength == 0.25
    assert plan.seen(0, 0.0) == []


def test_several_faces_may_be_there_at_once() -> None:
    tracks = track(0, [1.0] * 200), track(50, [1.0] * 100), track(NEAR, [1.0])
    plan = Plan(200, tracks)
    for index in range(200):
        expected = [each for each in tracks if each.start <= index < each.stop]
        assert [seen.track for seen in plan.seen(index)] == expected


@pytest.mark.parametrize("start", [0, 1, NEAR - 1, NEAR, 3 * NEAR - 2])
@pytest.mark.parametrize("count", [1, 2, NEAR, NEAR + 1, 5 * NEAR])
def test_a_long_source_is_known_to_its_last_frame(start: int, count: int) -> None:
    plan = Plan(start + count + 9, (track(start, [1.0] * count),))
    shown = [index for index in range(start + count + 9) if plan.seen(index)]
    assert shown == list(range(start, start + count))


# Stored


def test_a_plan_can_be_stored_and_sent() -> None:
    rows = np.random.default_rng(1).uniform(0, 900, (20, FIELDS)).astype(np.float32)
    strength = np.linspace(0, 1, 20).astype(np.float32)
    other = track(30, [1.0, 0.25], neutral=31)
    plan = Plan(50, (Track(3, rows, strength, 7, voice=2, teeth=9), other))
    again = Plan.from_map(msgpack.unpackb(msgpack.packb(plan.as_map())))
    assert again.frames == 50
    known = [(each.start, each.neutral, each.voice, each.teeth) for each in again.tracks]
    assert known == [(3, 7, 2, 9), (30, 31, 0, None)]
    for one, other in zip(plan.tracks, again.tracks, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.strength, other.strength)
    assert again.as_map() == plan.as_map()


def test_a_plan_of_nothing_can_be_stored() -> None:
    assert Plan.from_map(msgpack.unpackb(msgpack.packb(Plan(9, ()).as_map()))) == Plan(9, ())


@pytest.mark.parametrize("name", ["start", "rows", "strength", "neutral"])
def test_a_plan_from_which_something_is_missing_is_none(name: str) -> None:
    stored = Plan(9, (track(0, [1.0]),)).as_map()
    del stored["tracks"][0][name]
    with pytest.raises(KeyError):
        Plan.from_map(stored)


def test_a_plan_with_half_a_row_is_none() -> None:
    stored = Plan(9, (track(0, [1.0]),)).as_map()
    stored["tracks"][0]["rows"] = stored["tracks"][0]["rows"][:-4]
    with pytest.raises(ValueError, match="reshape"):
        Plan.from_map(stored)


# Made


def test_the_same_frames_make_the_same_plan(models: InProcess) -> None:
    frames = shot((7, None), (20, FACE), (6, None))
    assert planned(frames, models).as_map() == planned(frames, models).as_map()


def test_a_face_is_in_the_plan_from_its_first_frame_to_its_last(models: InProcess) -> None:
    plan = planned(shot((7, None), (20, FACE), (6, None)), models)
    assert plan.frames == 33
    assert [index for index in range(33) if plan.seen(index)] == list(range(7, 27))
    (only,) = plan.tracks
    assert only.neutral in range(7, 27)
    assert only.rows.dtype == only.strength.dtype == np.float32
    assert only.face(15).box.overlap(face_of(FACE).box) > 0.6


def test_a_face_fades_beside_a_gap_and_not_at_the_ends_of_the_video(models: InProcess) -> None:
    plan = planned(shot((20, FACE), (6, None), (20, FACE)), models)
    strengths = [[seen.strength for seen in plan.seen(index)] for index in range(46)]
    assert strengths[:17] == strengths[29:] == [[1.0]] * 17
    assert strengths[17:29] == [[s] for s in FADING] + [[]] * 6 + [[s] for s in FADING[::-1]]


def test_a_plan_of_a_part_knows_the_same_of_it(models: InProcess) -> None:
    """But for what smoothing would have looked at beyond."""
    moving = [(1, (140 + 2 * step, 120, 50)) for step in range(26)]
    whole, part = (planned(shot(*moving[:count]), models) for count in (26, 16))
    np.testing.assert_allclose(part.tracks[0].rows[:8], whole.tracks[0].rows[:8], atol=1e-3)
    assert (part.frames, part.tracks[0].stop) == (16, 16)


def test_a_face_that_trembles_is_calm_in_the_plan(models: InProcess) -> None:
    frames = shot(*[(1, (158 + 4 * (step % 2), 120, 50)) for step in range(21)])
    planner = Planner(Options(), models, 1, RATE)
    list(planner.look(frames))
    (only,) = planner.plan().tracks
    assert np.ptp(only.rows[8:-8, 0]) < 0.5


def test_in_a_clip_that_mostly_smiles_a_closed_mouth_is_the_neutral_one(
    models: InProcess,
) -> None:
    """It begins to smile in its 20th frame."""
    source = examine_source(clip("single_face.mp4"), "The face")
    planner = Planner(Options(), models, EVERY, source.rate)
    assert list(planner.look(source.frames()))[-1] == 72
    (track,) = planner.plan().tracks
    assert track.neutral < 18
    assert (track.strength == 1).all()


def test_the_face_of_each_shot_is_another_track(models: InProcess) -> None:
    dark = frame_of(textured(5, 320, 240) // 4).picture
    frames = shot((10, FACE)) + [Frame(10 + index, dark) for index in range(4)]
    frames += [Frame(14 + each.index, each.picture) for each in shot((10, FACE))]
    plan = planned(frames, models)
    assert [(each.start, each.stop) for each in plan.tracks] == [(0, 10), (14, 24)]
    assert all((each.strength == 1).all() for each in plan.tracks), "cuts are no gaps"


def test_the_checkpoint_says_how_far_down_a_box_goes(models: InProcess) -> None:
    plan = planned(shot((6, FACE)), models)
    (found,) = models.new_detector().faces(shot((1, FACE))[0])
    lower = plan.tracks[0].face(0).box.bottom - found.box.bottom
    assert lower == pytest.approx(models.conventions.chin_pixels, abs=1e-3)


@pytest.mark.parametrize(
    ("count", "looked"), [(13, "the first and every 5th after it were"), (1, "each was")]
)
def test_without_a_face_there_is_no_plan(models: InProcess, count: int, looked: str) -> None:
    with pytest.raises(NoFace, match=rf"of the {count} frames \({looked} looked at\)"):
        planned(shot((count, None)), models)


def test_without_the_face_that_is_wanted_there_is_no_plan(models: InProcess) -> None:
    with pytest.raises(NoFace, match="none for `2`"):
        planned(shot((6, FACE)), models, who="2")


@pytest.mark.parametrize(("who", "starts"), [("left", [80]), ("right", [240]), ("all", [80, 240])])
def test_of_several_faces_those_are_planned_that_are_wanted(
    models: InProcess, who: str, starts: list[int]
) -> None:
    pictures = drawn(320, 240, [(80, 110, 40), (240, 130, 45)]).picture
    plan = planned([Frame(index, pictures) for index in range(11)], models, who=who)
    middles = sorted(float(each.face(5).box.middle[0]) for each in plan.tracks)
    assert middles == pytest.approx(starts, abs=8)
    assert [len(plan.seen(index)) for index in range(11)] == [len(starts)] * 11


@pytest.mark.parametrize("blend", ["transfer", "box"])
def test_a_box_that_the_client_names_is_the_face_in_every_frame(
    models: InProcess, blend: str
) -> None:
    plan = planned(shot((6, FACE), (7, None)), models, box=(40, 50, 140, 170), blend=blend)
    (only,) = plan.tracks
    assert (only.start, only.stop) == (0, 13)
    assert only.face(9).box == Box(40, 50, 140, 170)
    assert not only.face(9).has_landmarks


def test_a_box_blend_has_its_boxes_in_whole_pixels(models: InProcess) -> None:
    """As the original: averaged forward, and shown wherever a face is."""
    moving = [(1, (140 + 2 * step, 120, 50)) for step in range(16)]
    box, plain = planned(shot(*moving), models, blend="box"), models.new_detector()
    (only,) = box.tracks
    boxes = only.rows[:, :4]
    np.testing.assert_array_equal(boxes, np.trunc(boxes))
    first = [plain.faces(frame)[0].lowered(0, 10).box.array() for frame in shot(*moving)[::5]]
    rows = [first[at] + (first[at + 1] - first[at]) * k / 5 for at in range(3) for k in range(5)]
    np.testing.assert_allclose(boxes, steady_forward(np.array([*rows, first[-1]])), atol=1)


# Fading


def span(start: int, stop: int, opens: bool = False, closes: bool = False) -> Span:
    run = Run(start, opens, closes)
    run.grow(np.tile(HERE.row(), (stop - start, 1)))
    return Span(run, start, stop)


def test_a_short_sight_between_two_gaps_fades_on_both_sides() -> None:
    step = 1 / (FADE + 1)
    assert faded(span(5, 8), 20, []).tolist() == pytest.approx([step, 2 * step, step])


def test_a_face_does_not_fade_where_a_cut_ends_or_begins_the_gap() -> None:
    """The shots without a face are others; a fade there would show the old mouth for no reason."""
    assert faded(span(5, 15, opens=True, closes=True), 20, []).tolist() == [1.0] * 10
    assert faded(span(5, 15, opens=True), 20, []).tolist() == [1.0] * 7 + FADING
    assert faded(span(5, 15, closes=True), 20, []).tolist() == FADING[::-1] + [1.0] * 7


def test_a_face_does_not_fade_where_another_one_is_taken_up() -> None:
    """It jumped, or the next one is chosen: there is no frame without a new mouth."""
    one, other = span(0, 10), span(10, 20)
    assert faded(one, 20, [one, other]).tolist() == [1.0] * 10
    assert faded(other, 20, [one, other]).tolist() == [1.0] * 10


def test_a_face_fades_in_where_it_is_chosen_in_the_middle_of_its_run() -> None:
    """Even if the run itself begins with a cut."""
    run = span(0, 20, opens=True).run
    assert faded(Span(run, 8, 20), 20, []).tolist() == FADING[::-1] + [1.0] * 9
