"""A daemon that crashes again and again gives up, and one that is restarted does not."""

from pathlib import Path

import pytest

from lipsyncd.errors import ConfigInvalid, CrashLoop, DeviceLost
from lipsyncd.system import crashlimit
from lipsyncd.system.crashlimit import MOST, WINDOW, limited


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "beginnings"


def crash(path: Path) -> None:
    """A life that ends badly."""
    with pytest.raises(DeviceLost), limited(path):
        raise DeviceLost("The GPU is gone.", "Look for it.")


def test_restarts_in_order_do_not_count(path: Path) -> None:
    for _ in range(2 * MOST):
        with limited(path):
            pass


def test_after_five_lives_that_ended_badly_there_is_no_sixth(path: Path) -> None:
    for _ in range(MOST):
        crash(path)
    with pytest.raises(CrashLoop, match="5 times within 10 minutes"), limited(path):
        raise AssertionError


def test_whoever_starts_it_after_that_gives_it_one_life_more(path: Path) -> None:
    for _ in range(MOST):
        crash(path)
    for _ in range(2):
        with pytest.raises(CrashLoop), limited(path):
            raise AssertionError
        crash(path)


def test_one_life_that_ends_in_order_makes_up_for_the_others(path: Path) -> None:
    for _ in range(MOST - 1):
        crash(path)
    with limited(path):
        pass
    for _ in range(MOST):
        crash(path)


def test_crashes_of_long_ago_do_not_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(MOST):
        crash(path)
    now = crashlimit.time.time()
    monkeypatch.setattr(crashlimit.time, "time", lambda: now + WINDOW)
    crash(path)


def test_a_start_that_only_an_operator_can_mend_does_not_count(path: Path) -> None:
    for _ in range(2 * MOST):
        with pytest.raises(ConfigInvalid), limited(path):
            raise ConfigInvalid("No.", "Correct it.")


@pytest.mark.parametrize("words", ["", "no time at all", "1e999 nan"])
def test_a_file_that_somebody_spoiled_counts_nothing(path: Path, words: str) -> None:
    path.write_text(words)
    crash(path)


def test_where_nothing_can_be_written_nothing_counts(tmp_path: Path) -> None:
    for _ in range(2 * MOST):
        crash(tmp_path / "nowhere/beginnings")
