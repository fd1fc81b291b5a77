"""Under load: a flood is answered, a long life costs no more than a short one."""

import os
from pathlib import Path

import pytest
from support.daemon.users import open_directory
from torture.flood import flood
from torture.soak import soak

JOBS = 150


@pytest.mark.skipif(os.geteuid() != 0, reason="the clients become other users, which needs root")
def test_a_flood_meets_only_full_queues_and_delays_another_user_by_one_round() -> None:
    with open_directory() as directory:
        tally = flood(directory)
    assert tally.is_clean, tally


def test_a_long_life_takes_no_more_descriptors_and_threads_than_a_short_one(
    tmp_path: Path,
) -> None:
    tally = soak(tmp_path, JOBS)
    assert tally.ended.descriptors == tally.settled.descriptors
    assert tally.ended.threads == tally.settled.threads
    assert tally.ended.spooled <= tally.settled.spooled
