"""Render processes beyond the one of each job are shared evenly."""

from contextlib import ExitStack

from lipsyncd.processes.shares import Shares


def joined(shares: Shares, job: str) -> int:
    """How many more may help a job, all of which do."""
    count = 0
    while shares.join(job):
        count += 1
    return count


def test_a_lone_job_has_all_of_them() -> None:
    shares = Shares(4)
    with shares.led("one"):
        assert joined(shares, "one") == 3


def test_where_there_is_one_a_job_is_made_by_one() -> None:
    shares = Shares(1)
    with shares.led("one"):
        assert joined(shares, "one") == 0


def test_of_several_jobs_each_has_as_many() -> None:
    shares = Shares(6)
    with shares.led("one"), shares.led("other"):
        assert joined(shares, "one") == 2
        assert joined(shares, "other") == 2


def test_who_has_more_than_a_share_once_another_comes_is_told() -> None:
    shares = Shares(4)
    with ExitStack() as stack:
        stack.enter_context(shares.led("one"))
        joined(shares, "one")
        assert shares.may_stay("one")
        stack.enter_context(shares.led("other"))
        assert not shares.may_stay("one")
        shares.leave("one")
        assert not shares.may_stay("one")
        shares.leave("one")
        assert shares.may_stay("one")
        assert joined(shares, "other") == 1


def test_a_job_that_has_ended_leaves_its_share_to_the_others() -> None:
    shares = Shares(4)
    with shares.led("one"):
        with shares.led("other"):
            joined(shares, "one")
        assert joined(shares, "one") == 2
