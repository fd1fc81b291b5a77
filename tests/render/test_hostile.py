"""Damaged media end in a named error or a valid result, and nobody but their job notices.

The short form of tests/torture/media.py.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import pytest
from support.damage.files import Whole, pairs, undamaged
from support.damage.isolated import alone
from support.damage.jobs import Judge
from support.damage.verdict import VALID, Verdict, measured

MOST_SILENCE = 20.0  # seconds: the watchdog waits for 30
MOST_MIB = 2560

Ctl = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def judge(daemon: Path, ctl: Ctl) -> Judge:
    return Judge(daemon, json.loads(ctl("info", "--json").stdout)["pid"])


def test_every_kind_of_whole_file_renders(judge: Judge, whole: Whole) -> None:
    for verdict in judge.verdicts(undamaged(whole)):
        assert verdict.name == VALID, verdict


def test_each_damaged_file_ends_in_a_named_error_or_a_valid_result() -> None:
    verdicts = list(alone(range(40)))
    show(verdicts)
    for verdict in verdicts:
        assert verdict.is_good, verdict
        assert verdict.silence < MOST_SILENCE, verdict
        assert verdict.peak_mib < MOST_MIB, verdict


def test_a_daemon_outlives_damaged_files(judge: Judge, whole: Whole, ctl: Ctl) -> None:
    verdicts = list(judge.verdicts(pairs(whole, 20, seed=2)))
    show(verdicts)
    for verdict in verdicts:
        assert verdict.is_good, verdict
    assert json.loads(ctl("info", "--json").stdout)["pid"] == judge.pid


def test_a_picture_larger_than_4k_renders(
    render: Callable[..., Path], made: Path, neutral: Path, word: Path
) -> None:
    """It is read twice, so that few of its frames are held at a time."""
    large = made / "large.jpg"
    cv2.imwrite(str(large), cv2.resize(cv2.imread(str(neutral)), (5120, 2880)))
    frames, rate, sound = measured(render(large, word))
    assert frames == 15
    assert abs(frames / rate - sound) < 0.1


def show(verdicts: list[Verdict]) -> None:
    names = Counter(verdict.name for verdict in verdicts)
    print("\n ", ", ".join(f"{name} {count}" for name, count in names.most_common()))
