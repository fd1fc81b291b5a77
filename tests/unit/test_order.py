"""The queue's order: by priority, in turn between users, and nobody waits for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User
from lipsyncd.queue.order import AGEING_SECONDS, REMEMBERED, Turns, Waiting, in_order, ranked

ALICE, BOB, CAROL = 1, 2, 3
NOW = 1e9

waiting = some.lists(
    some.builds(
        lambda owner, priority, age: (owner, priority, age),
        some.integers(1, 4),
        some.sampled_from(Priority),
        some.floats(0, 4 * AGEING_SECONDS),
    ),
    max_size=30,
).map(lambda parts: [job(at, *each) for at, each in enumerate(parts)])


def job(
    sequence: int,
    owner: int,
    priority: Priority = Priority.NORMAL,
    age: float = 0.0,
    label: str = "",
) -> Waiting:
    return Waiting(f"j{sequence}", User(owner, label), priority, NOW - age, sequence)


def started(jobs: list[Waiting]) -> list[int]:
    """The sequence numbers, as the jobs are started one after the other."""
    turns, left, order = Turns(), list(jobs), []
    while left:
        head = ranked(left, turns, NOW)[0]
        turns.serve(head.user)
        left.remove(head)
        order.append(head.sequence)
    return order


def test_one_user_is_served_in_the_order_of_acceptance() -> None:
    assert started([job(2, ALICE), job(1, ALICE), job(3, ALICE)]) == [1, 2, 3]


def test_a_flood_delays_another_user_by_one_job() -> None:
    flood = [job(at, ALICE) for at in range(100)]
    assert started([*flood, job(100, BOB)])[:3] == [0, 100, 1]


def test_a_flood_of_one_label_delays_another_label_of_the_same_uid_by_one_job() -> None:
    flood = [job(at, ALICE, label="anna") for at in range(100)]
    assert started([*flood, job(100, ALICE, label="ben"), job(101, ALICE)])[:4] == [0, 100, 101, 1]


def test_three_users_take_turns() -> None:
    jobs = [job(3 * at + owner, owner) for owner in (ALICE, BOB, CAROL) for at in range(3)]
    owners = [(sequence - 1) % 3 + 1 for sequence in started(jobs)]
    assert Counter(owners[:3]) == Counter(owners[3:6]) == Counter([ALICE, BOB, CAROL])


def test_of_very_many_those_served_longest_ago_are_forgotten_and_come_first_all_the_same() -> None:
    turns, users = Turns(), [User(ALICE, str(number)) for number in range(REMEMBERED + 2)]
    turns.serve(users[0])
    for user in [*users[1:], users[0]]:
        turns.serve(user)
    assert [turns.of(user) for user in users[1:4]] == [0, 0, 4]
    assert sorted(users, key=turns.of) == [*users[1:], users[0]]


def test_priority_goes_before_turns() -> None:
    jobs = [job(1, ALICE, Priority.LOW), job(2, BOB), job(3, ALICE, Priority.HIGH)]
    assert started(jobs) == [3, 2, 1]


def test_waiting_lifts_a_job_level_by_level() -> None:
    old = job(1, ALICE, Priority.LOW, age=AGEING_SECONDS)
    older = job(2, ALICE, Priority.LOW, age=5 * AGEING_SECONDS)
    assert (old.level(NOW), older.level(NOW)) == (1, 0)
    assert ranked([job(3, BOB, Priority.HIGH), older], Turns(), NOW)[0] == older


def test_a_low_job_is_served_though_normal_ones_never_end() -> None:
    turns, low = Turns(), job(0, BOB, Priority.LOW)
    turns.serve(BOB)
    for minute in range(60):
        now = NOW + 60 * minute
        normal = Waiting(f"n{minute}", User(ALICE), Priority.NORMAL, now, minute + 1)
        head = ranked([low, normal], turns, now)[0]
        assert head
        turns.serve(head.user)
        if head == low:
            return
    raise AssertionError("it starved")


@given(waiting)
def test_the_line_is_the_order_in_which_jobs_start(jobs: list[Waiting]) -> None:
    assert [each.sequence for each in in_order(jobs, Turns(), NOW)] == started(jobs)


@given(waiting)
def test_looking_ahead_changes_nothing(jobs: list[Waiting]) -> None:
    turns = Turns()
    before = list(in_order(jobs, turns, NOW))
    assert list(in_order(jobs, turns, NOW)) == before
