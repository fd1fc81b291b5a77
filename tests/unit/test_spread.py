"""Each part of a job is made once, by whoever asks for it, until others come first."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from lipsyncd.processes.spread import Spread


class Leader:
    """What the process that leads is told."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, object]] = []

    def tell(self, body: Mapping[str, object], _files: Sequence[int] = ()) -> None:
        self.told.append(body)


@pytest.fixture
def packets(tmp_path: Path) -> Iterator[BinaryIO]:
    with (tmp_path / "packets").open("w+b") as file:
        yield file


def spread_of(leader: Leader, *stretches: list[int]) -> Spread:
    spread = Spread(leader, lambda: True)
    spread.hear({"open": list(stretches)})
    return spread


def test_parts_go_to_whoever_asks_in_their_order(packets: BinaryIO) -> None:
    spread = spread_of(leader := Leader(), [2, 4], [7, 9])
    spread.hear({"wants": True})
    assert [spread.claim(), spread.claim()] == [3, 7]
    spread.hear({"wants": True})
    assert leader.told == [{"part": 2}, {"part": 8}]
    assert spread.claim() is None
    assert not spread.is_open


def test_the_leader_is_told_of_the_end_once_all_others_are_done(packets: BinaryIO) -> None:
    spread = spread_of(leader := Leader(), [0, 2])
    assert [spread.claim(), spread.claim()] == [0, 1]
    spread.hear({"wants": True})
    spread.made(1, packets)
    assert leader.told == [{"made": 1}]
    spread.made(0, packets)
    assert leader.told == [{"made": 1}, {"made": 0}, {"part": None}]


def test_a_part_that_could_not_be_made_goes_to_the_leader_that_waits() -> None:
    spread = spread_of(leader := Leader(), [5, 6])
    assert spread.claim() == 5
    spread.hear({"wants": True})
    assert leader.told == []
    spread.give_back(5)
    assert leader.told == [{"part": 5}]


def test_where_others_come_first_nothing_is_begun_and_what_is_begun_is_waited_for(
    packets: BinaryIO,
) -> None:
    leader, may_go_on = Leader(), True
    spread = Spread(leader, lambda: may_go_on)
    spread.hear({"open": [[0, 9]]})
    assert spread.claim() == 0
    may_go_on = False
    assert not spread.is_open
    assert spread.claim() is None
    spread.hear({"wants": True})
    assert leader.told == []
    spread.made(0, packets)
    assert leader.told == [{"made": 0}, {"part": None}]


@pytest.mark.parametrize("said", [None, 3, [1, 2], [["a", 2]], [[1, 2, 3]], [[0, 1]] * 1001])
def test_a_leader_that_says_nonsense_is_not_believed(said: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Spread(Leader(), lambda: True).hear({"open": said})


def test_a_stretch_without_end_takes_no_memory() -> None:
    spread = spread_of(Leader(), [0, 1 << 99])
    assert [spread.claim() for _ in range(3)] == [0, 1, 2]
