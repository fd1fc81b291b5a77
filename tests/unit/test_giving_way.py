"""A long job gives way to one that waits, to whom that is fair, and to nobody else."""

import pytest

from lipsyncd.config import Render
from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User
from lipsyncd.queue.givingway import Turn, giving_way
from lipsyncd.queue.order import AGEING_SECONDS, Waiting

ALICE, BOB, CAROL = 1, 2, 3
HIGH, NORMAL, LOW = Priority
NOW, LEAST = 1e9, 10
RULES = Render(turn_seconds=LEAST, max_active=4)


def waits(owner: int, priority: Priority = NORMAL, age: float = 0.0) -> Waiting:
    return Waiting("waits", User(owner), priority, NOW - age, 9)


def turn(name: str, owner: int, seconds: float = LEAST, priority: Priority = NORMAL) -> Turn:
    return Turn(name, User(owner), priority, seconds)


@pytest.mark.parametrize(
    ("waiting", "turns", "gives_way"),
    [
        ([waits(ALICE)], [turn("a", ALICE)], "a"),
        ([waits(BOB)], [turn("a", ALICE)], "a"),
        ([], [turn("a", ALICE)], None),
        ([waits(BOB)], [turn("a", ALICE, LEAST - 1)], None),
        # who has run longest; but of a user who has more
        ([waits(ALICE)], [turn("a", ALICE), turn("b", ALICE, 99)], "b"),
        ([waits(CAROL)], [turn("a", ALICE), turn("b", BOB, 99), turn("c", ALICE)], "a"),
        # users who hold as many take turns with their own jobs
        ([waits(BOB)], [turn("a", ALICE, 99), turn("b", BOB)], "b"),
        ([waits(BOB)], [turn("a", ALICE, 99), turn("b", BOB, LEAST - 1)], None),
        ([waits(BOB), waits(CAROL)], [turn("a", ALICE), turn("b", BOB, 1)], "a"),
        # priorities hold between parts
        ([waits(BOB, LOW)], [turn("a", ALICE)], None),
        ([waits(BOB, LOW, AGEING_SECONDS)], [turn("a", ALICE)], "a"),
        ([waits(BOB, HIGH)], [turn("a", ALICE), turn("b", BOB), turn("c", BOB)], "b"),
        ([waits(BOB)], [turn("a", ALICE, 99, HIGH), turn("b", BOB, 1, HIGH)], None),
        ([waits(BOB)], [turn("a", ALICE, 99), turn("b", BOB), turn("l", ALICE, 10, LOW)], "l"),
        # who has as many renders as one user may could not begin in another's place
        ([waits(BOB)], [turn("l", ALICE, 99, LOW), *[turn(f"b{at}", BOB) for at in "123"]], "b1"),
    ],
)
def test_a_job_gives_way(waiting: list[Waiting], turns: list[Turn], gives_way: str | None) -> None:
    assert giving_way(waiting, turns, RULES, NOW) == gives_way
