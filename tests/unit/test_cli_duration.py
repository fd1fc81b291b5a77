"""Times as they are typed and as they are told."""

from argparse import ArgumentTypeError

import pytest

from lipsyncctl.show.wording import exactly, roughly
from lipsyncctl.verbs.typed import seconds_of


@pytest.mark.parametrize(
    "typed, seconds",
    [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1.5h", 5400)],
)
def test_a_time_is_a_number_and_a_unit(typed: str, seconds: float) -> None:
    assert seconds_of(typed) == seconds


@pytest.mark.parametrize("typed", ["", "soon", "m", "5w", "-3", "1h30m", "1e3", "٣", "5 m", "nan"])
def test_what_is_no_time_is_told_how_to_write_one(typed: str) -> None:
    with pytest.raises(ArgumentTypeError, match="write 90, 90s, 15m, 2h or 1d"):
        seconds_of(typed)


@pytest.mark.parametrize("typed", ["0", "0s", "367d", "9" * 400])
def test_a_time_that_never_ends_or_never_begins_is_refused(typed: str) -> None:
    with pytest.raises(ArgumentTypeError, match="more than 0 and at most 366d"):
        seconds_of(typed)


@pytest.mark.parametrize(
    "seconds, words",
    [(0, "0 s"), (12.4, "12 s"), (90, "90 s"), (119, "2 min"), (7199.9, "2 h"), (172800, "2 d")],
)
def test_a_time_is_told_roughly(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


@pytest.mark.parametrize(
    "seconds, words",
    [(90, "1 min 30 s"), (5400, "1 h 30 min"), (86400.0, "1 d"), (1.5, "1.5 s"), (3601, "1 h 1 s")],
)
def test_what_somebody_chose_is_told_exactly(seconds: float, words: str) -> None:
    assert exactly(seconds) == words
