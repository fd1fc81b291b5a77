"""What is too much goes from who has the most, and leaves all with as even a share as can be."""

from hypothesis import given
from hypothesis import strategies as some

from lipsyncd.protocol.user import User
from lipsyncd.queue.levelling import levelled

ALICE, BOB, CAROL = map(User, (1, 2, 3))

shelves = some.dictionaries(
    some.builds(User, some.integers(1, 6)),
    some.lists(some.integers(1, 100), max_size=12),
    max_size=6,
)


def test_within_the_bound_nobody_loses_anything() -> None:
    assert levelled({ALICE: [1, 1], BOB: [1]}, 3) == {ALICE: 0, BOB: 0}
    assert levelled({}, 0) == {}
    assert levelled({ALICE: []}, 0) == {ALICE: 0}


def test_a_thousand_of_one_do_not_push_out_the_one_of_another() -> None:
    assert levelled({ALICE: [1], BOB: [1] * 1000}, 1000) == {ALICE: 0, BOB: 1}
    assert levelled({ALICE: [1], BOB: [1] * 1000}, 2) == {ALICE: 0, BOB: 999}
    assert levelled({ALICE: [1], BOB: [1] * 1000}, 1) == {ALICE: 0, BOB: 1000}


def test_the_largest_come_down_to_the_next_and_then_both_go_on() -> None:
    assert levelled({ALICE: [1] * 5, BOB: [1] * 9, CAROL: [1] * 7}, 16) == {
        ALICE: 0,
        BOB: 4,
        CAROL: 1,
    }


def test_of_equals_the_first_one_loses_first() -> None:
    assert levelled({BOB: [1, 1], ALICE: [1, 1]}, 3) == {BOB: 1, ALICE: 0}
    assert levelled({BOB: [1, 1], ALICE: [1, 1]}, 2) == {BOB: 1, ALICE: 1}


def test_what_is_large_counts_as_much_as_it_takes() -> None:
    assert levelled({ALICE: [1] * 20, BOB: [50, 30, 10]}, 60) == {ALICE: 0, BOB: 1}
    assert levelled({ALICE: [1] * 20, BOB: [50, 30, 10]}, 29) == {ALICE: 1, BOB: 2}


@given(sizes=shelves, most=some.integers(0, 2000))
def test_what_stays_is_within_the_bound_and_no_less_than_has_to_be(
    sizes: dict[int, list[int]], most: int
) -> None:
    gone = levelled(sizes, most)
    left = {owner: sum(each[gone[owner] :]) for owner, each in sizes.items()}
    last = {owner: sizes[owner][count - 1] for owner, count in gone.items() if count}
    total = sum(left.values())
    assert total <= most
    assert not last or total + max(last.values()) > most


@given(sizes=shelves, most=some.integers(0, 2000))
def test_nobody_loses_anything_for_who_has_more(sizes: dict[int, list[int]], most: int) -> None:
    gone = levelled(sizes, most)
    left = {owner: sum(each[gone[owner] :]) for owner, each in sizes.items()}
    for owner, count in gone.items():
        if count:
            before = left[owner] + sizes[owner][count - 1]
            assert before >= max(left.values())
        assert count == 0 or sum(sizes[owner]) > most / len(sizes)
