"""What is made ahead is the same, bounded, fails where it is used, and leaves no thread behind."""

import threading
from collections.abc import Iterator

import pytest

from lipsyncd.render.prefetch import prefetch


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = {*threading.enumerate()}
    yield
    assert {*threading.enumerate()} <= before


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_the_items_are_the_same_in_the_same_order(depth: int) -> None:
    with prefetch(range(50), depth) as items:
        assert list(items) == list(range(50))


def test_no_items_are_no_items() -> None:
    with prefetch([], 3) as items:
        assert list(items) == []


def test_they_are_made_by_another_thread() -> None:
    def makers() -> Iterator[int]:
        yield threading.get_ident()

    with prefetch(makers(), 1) as items:
        assert list(items) != [threading.get_ident()]


def test_only_so_many_are_made_before_they_are_used() -> None:
    """The maker reaches the bound and no further: one more is made and waits for room."""
    made: list[int] = []
    reached = threading.Event()

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 4:
                reached.set()
            yield number

    with prefetch(items(), depth=3) as coming:
        assert next(coming) == 0
        assert reached.wait(60)
        assert len(made) == 5
        assert list(coming) == list(range(1, 100))


def test_an_error_is_raised_where_the_items_are_used() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("lost")

    with prefetch(items(), 3) as coming:
        assert next(coming) == 1
        with pytest.raises(KeyError, match="lost"):
            next(coming)


def test_an_error_that_nobody_reaches_is_forgotten() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("lost")

    with prefetch(items(), 3) as coming:
        assert next(coming) == 1


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_early_ends_the_thread(taken: int) -> None:
    """Also while it waits for room."""
    ended = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            ended.set()

    endless = items()
    with prefetch(endless, 2) as coming:
        for _ in range(taken):
            next(coming)
    endless.close()
    assert ended.is_set()


def test_an_error_in_the_block_ends_the_thread_and_goes_on() -> None:
    with pytest.raises(ValueError, match="mine"), prefetch(iter(range(10**9)), 2) as coming:
        next(coming)
        raise ValueError("mine")


def test_one_can_be_made_ahead_of_another() -> None:
    with prefetch(range(200), 4) as numbers, prefetch((n * n for n in numbers), 1) as squares:
        assert list(squares) == [n * n for n in range(200)]


def test_leaving_two_early_ends_both() -> None:
    with (
        prefetch(iter(range(10**9)), 4) as numbers,
        prefetch((n * n for n in numbers), 1) as squares,
    ):
        assert [next(squares) for _ in range(3)] == [0, 1, 4]


def test_an_error_passes_through_both() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("lost")

    with prefetch(items(), 4) as numbers, prefetch((n * n for n in numbers), 1) as squares:
        assert next(squares) == 1
        with pytest.raises(KeyError, match="lost"):
            next(squares)


def test_what_is_not_used_up_is_closed_within_the_block() -> None:
    """So that it does not write to what is gone, whenever it is forgotten."""
    closed = []

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(threading.get_ident())

    with prefetch(items(), depth=1) as coming:
        next(coming)
    assert closed
    assert closed != [threading.get_ident()]
