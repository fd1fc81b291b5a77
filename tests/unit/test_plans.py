"""A face that was looked through once is not looked through again, and what is made is the same."""

import io
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from lipsyncd.processes.plans import PlanCache
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.user import User
from lipsyncd.render.plan import Plan
from lipsyncd.render.plans import Plans

ALICE, BOB = User(1000), User(2000)
NAME, OTHER = "a" * 64, "b" * 64
PLAN = Plan(50, ())


class Memory:
    """A cache that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def sought(self, names: Sequence[str]) -> BinaryIO | None:
        return next((io.BytesIO(self.kept[each]) for each in names if each in self.kept), None)

    def keep(self, name: str, content: bytes) -> None:
        self.kept[name] = content


@pytest.fixture
def face(tmp_path: Path) -> Path:
    (tmp_path / "face").write_bytes(b"a face")
    return tmp_path / "face"


def test_a_plan_of_a_whole_face_serves_every_voice_that_is_as_long(face: Path) -> None:
    plans = Plans(memory := Memory(), [face], Options())
    plans.keep(60, PLAN)
    again = Plans(memory, [face], Options())
    assert again.found(60) == again.found(50) == again.found(None) == PLAN
    assert again.found(49) is None


def test_a_plan_of_a_part_of_a_face_serves_voices_of_its_length(face: Path) -> None:
    plans = Plans(Memory(), [face], Options())
    plans.keep(50, PLAN)
    assert plans.found(50) == PLAN
    assert [plans.found(most) for most in (49, 51, None)] == [None, None, None]


@pytest.mark.parametrize(
    "options",
    [
        Options(expression=0.5, audio_offset=40, silence="follow"),
        Options(format="webm", codec="vp9", crf=9, tag=False),
        Options(extend="loop", from_=1, to=2, min_coverage=0.5),
    ],
)
def test_what_has_nothing_to_do_with_the_face_may_be_other(face: Path, options: Options) -> None:
    Plans(memory := Memory(), [face], Options()).keep(60, PLAN)
    assert Plans(memory, [face], options).found(60) == PLAN


@pytest.mark.parametrize(
    "options",
    [
        Options(who="left"),
        Options(fps=30),
        Options(blend="box"),
        Options(background="black"),
        Options(video_track=2),
        Options(box=(0, 0, 9, 9)),
    ],
)
def test_what_has_to_do_with_the_face_may_not(face: Path, options: Options) -> None:
    Plans(memory := Memory(), [face], Options()).keep(60, PLAN)
    assert Plans(memory, [face], options).found(60) is None


def test_another_face_other_people_and_other_models_have_other_plans(
    face: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"another face")
    Plans(memory := Memory(), [face], Options(), "models").keep(60, PLAN)
    assert Plans(memory, [face], Options(), "models").found(60) == PLAN
    for faces in ([tmp_path / "other"], [face, tmp_path / "other"]):
        assert Plans(memory, faces, Options(), "models").found(60) is None
    assert Plans(memory, [face], Options(), "other models").found(60) is None


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"garbage"])
def test_what_is_no_plan_is_not_used(face: Path, content: bytes) -> None:
    plans = Plans(memory := Memory(), [face], Options())
    plans.keep(60, PLAN)
    memory.kept = dict.fromkeys(memory.kept, content)
    assert plans.found(60) is None


# Where they lie


def add(cache: PlanCache, user: User, name: str, content: bytes) -> None:
    with cache.room() or pytest.fail() as file:
        file.write(content)
    cache.add(user, name, file.name)


def content_of(cache: PlanCache, user: User, name: str) -> bytes | None:
    if file := cache.found(user, name):
        with file:
            return file.read()
    return None


def test_each_user_has_plans_of_his_own(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans", 3600)
    add(cache, ALICE, NAME, b"hers")
    assert content_of(cache, ALICE, NAME) == b"hers"
    assert content_of(cache, BOB, NAME) is None
    assert content_of(cache, User(ALICE.uid, "anna"), NAME) is None
    assert content_of(cache, ALICE, OTHER) is None
    assert (tmp_path / "plans").stat().st_mode & 0o777 == 0o700


def test_a_label_has_plans_of_its_own_whatever_is_in_it(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path, 3600)
    users = [User(ALICE.uid, label) for label in ("anna", "../anna", "/", ".", "é" * 64)]
    for user in users:
        add(cache, user, NAME, user.label.encode())
    assert [content_of(cache, user, NAME) for user in users] == [u.label.encode() for u in users]
    assert len(list(tmp_path.iterdir())) == len(users)
    assert content_of(cache, ALICE, NAME) is None


def test_who_finds_one_of_several_names_is_counted_and_who_finds_none(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans", 3600)
    add(cache, ALICE, NAME, b"hers")
    with cache.found(ALICE, OTHER, NAME) or pytest.fail() as file:
        assert file.read() == b"hers"
    assert cache.found(ALICE, OTHER) is None
    assert cache.found(BOB, OTHER, NAME) is None
    assert cache.as_map() == {"hits": 1, "misses": 2}


def test_those_that_were_not_used_for_longest_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.processes.plans.MOST_BYTES", 250)
    cache = PlanCache(tmp_path, 3600)
    names = [letter * 64 for letter in "abc"]
    for name in names[:2]:
        add(cache, ALICE, name, bytes(100))
    for path in tmp_path.iterdir():  # else all are of one tick of the clock
        os.utime(path, (time.time() - 60,) * 2)
    assert content_of(cache, ALICE, names[0])
    add(cache, ALICE, names[2], bytes(100))
    assert [bool(content_of(cache, ALICE, name)) for name in names] == [True, False, True]


def test_what_nobody_uses_for_long_goes(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path, 3600)
    add(cache, ALICE, NAME, b"old")
    cache.room().close()  # of a render that was killed
    cache = PlanCache(tmp_path, -1)
    add(cache, ALICE, OTHER, b"new")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("no folder")
    cache = PlanCache(tmp_path / "plans", 3600)
    assert cache.room() is None
    assert cache.found(ALICE, NAME) is None
