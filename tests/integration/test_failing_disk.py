"""Calls on the daemon's files fail, in a sample of the many ways: what was accepted comes out."""

import errno
from collections.abc import Iterator
from contextlib import closing

import pytest
from support.disk.syscalls import ERRORS, FOR_EVER, Kind, NoCompiler
from support.disk.tally import Tally
from torture.disk import ACTS, Torture

from lipsyncd.errors import DiskFull

SEED = 2
IN_LIFE, OF_LIFE, AGAIN = (1, 4), (1,), (4,)  # calls that fail, one at a time
READING = (Kind.PREAD, Kind.FSTAT, Kind.READ)  # of a store: more than the first call counts
IN_MEMORY = {"look"}  # operations that need the disk for nothing
ROUNDS = 2


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torture]:
    """One for all tests: to import all there is takes longer than they do."""
    try:
        found = Torture(tmp_path_factory.mktemp("disk"), SEED)
    except NoCompiler as error:
        pytest.skip(str(error))
    with closing(found):
        yield found


@pytest.fixture
def torture(lasting: Torture) -> Torture:
    """As if it were new."""
    lasting.chance.seed(SEED)
    lasting.harness.tally = Tally()
    return lasting


def sample(torture: Torture, operation: str, kind: Kind, nths: tuple[int, ...]) -> int:
    """Fail some calls of this kind, with an error that chance chooses; how many did."""
    error = torture.chance.choice(ERRORS[kind])
    before = torture.harness.tally.faults
    torture.one_by_one(operation, kind, error, nths=nths)
    return torture.harness.tally.faults - before


def assert_kept(torture: Torture) -> None:
    """Everything came out, once and whole, after a last clean restart as well."""
    torture.rest()
    tally = torture.harness.tally
    assert tally.is_clean, tally.findings


def assert_none_failed(torture: Torture) -> None:
    """One fault is no reason to give a job up, unless it fills a disk that has room for others."""
    failed = [sort for sort in torture.harness.tally.findings if sort.startswith("failed_by_disk")]
    assert not [sort for sort in failed if DiskFull.name not in sort]


@pytest.mark.parametrize("operation", ["start", "recovery", "stop"])
def test_a_life_that_begins_or_ends_while_calls_fail_leaves_every_job(
    torture: Torture, operation: str
) -> None:
    kinds = {kind for kind in Kind if sample(torture, operation, kind, OF_LIFE)}
    assert kinds >= {Kind.PREAD, Kind.UNLINK}
    for kind in READING:
        sample(torture, operation, kind, AGAIN)
    assert_kept(torture)
    assert_none_failed(torture)


def test_a_start_in_which_one_call_always_fails_leaves_every_job(torture: Torture) -> None:
    for kind in (Kind.OPEN, Kind.PREAD, Kind.FSYNC, Kind.MKDIR):
        torture.one_by_one("start", kind, errno.EIO, FOR_EVER, [1])
    assert torture.harness.tally.faults
    assert_kept(torture)
    assert_none_failed(torture)


@pytest.mark.parametrize("operation", ACTS)
def test_an_operation_while_calls_fail_costs_no_job(torture: Torture, operation: str) -> None:
    faults = sum(sample(torture, operation, kind, IN_LIFE) for kind in Kind)
    assert faults or operation in IN_MEMORY
    assert_kept(torture)
    assert_none_failed(torture)


def test_calls_that_fail_at_random_cost_no_job(torture: Torture) -> None:
    for _ in range(ROUNDS):
        torture.at_random()
    assert torture.harness.tally.faults
    assert_kept(torture)
