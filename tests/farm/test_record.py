"""The moves of a job's record, by several hosts on a real Redis."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.farm.farm import Farm, until

from lipsyncd.errors import DeviceMemoryFull, HostLost
from lipsyncfarm.config import load_farm
from lipsyncfarm.ending import Ending
from lipsyncfarm.local import LocalJob
from lipsyncfarm.record import Record, Taken
from lipsyncfarm.spec import Input, Spec
from lipsyncfarm.worker import tools_of

FACE, VOICE = Input("face.mp4", "f" * 64, 1), Input("voice.wav", "a" * 64, 1)
BROKEN = DeviceMemoryFull("The GPU is full.", "Wait.")


@pytest.fixture
def host(farm: Farm) -> Callable[..., Record]:
    """The records as a host of this name has them; it has been seen."""

    def seen(name: str, /, **chosen: Any) -> Record:
        toml = farm.toml(f"{name}.toml", host=name, **chosen)
        record = Record(load_farm(toml), farm.redis.client())
        record.beat({})
        return record

    return seen


def hand_in(record: Record, id: str, user: str = "alice", **terms: Any) -> tuple[str, str]:
    """A job of this user."""
    spec = Spec(user, (FACE, VOICE), 1, {}, terms)
    return record.submit(id, spec, spec.dumps(), "signature")


def took(record: Record) -> Taken:
    taken = record.take()
    assert taken
    return taken


def test_only_the_newest_holder_of_a_job_can_renew_or_end_it(host: Callable[..., Record]) -> None:
    one, two = host("one", lease_seconds=1), host("two")
    hand_in(one, "job")
    old = took(one)
    until(lambda: two.beat({})[0])  # its lease is over, and it is queued again
    new = took(two)
    assert new.fence > old.fence
    assert one.renew("job", old.fence, None) == "lost"
    assert one.finish("job", old.fence, "succeeded", result="old") == "lost"
    assert one.back("job", old.fence) == one.fail("job", old.fence, BROKEN) == "lost"
    assert two.finish("job", new.fence, "succeeded", result="new") == "done"
    assert (two.of("job") or {})["result"] == "new"


def test_an_end_that_is_told_twice_is_one(host: Callable[..., Record]) -> None:
    one = host("one")
    hand_in(one, "job")
    taken = took(one)
    told = [one.finish("job", taken.fence, "succeeded", result="it") for _ in range(2)]
    assert told == ["done", "done"]
    assert one.counts() == (0, 0)


def test_a_job_that_fails_on_three_hosts_has_failed_with_the_errors_of_all(
    host: Callable[..., Record],
) -> None:
    hosts = [host(name) for name in ("one", "two", "three")]
    hand_in(hosts[0], "job")
    for record in hosts:
        before = [other.take() for other in hosts[: hosts.index(record)]]
        assert before == [None] * len(before)  # not where it failed, while there are others
        record.fail("job", took(record).fence, BROKEN)
    fields = hosts[0].of("job") or {}
    assert (fields["state"], fields["attempts"]) == ("failed", "3")
    assert "one: The GPU is full. two: The GPU is full. three:" in fields["error"]


def test_a_host_alone_tries_again_what_failed_there(host: Callable[..., Record]) -> None:
    one = host("one")
    hand_in(one, "job")
    told = [one.fail("job", took(one).fence, BROKEN) for _ in range(3)]
    assert told == ["queued", "queued", "failed"]


def test_a_job_that_ends_ten_hosts_has_failed(host: Callable[..., Record]) -> None:
    one = host("one", lease_seconds=1)
    hand_in(one, "job")
    for _ in range(10):
        took(one)
        one.client.zadd(one.farm.prefix + "leases", {"job": 1})  # as if its time were over
        one.beat({})
    fields = one.of("job") or {}
    assert fields["state"] == "failed" and HostLost.name in fields["error"]


def test_a_job_that_is_given_back_is_the_next_one_and_its_attempt_does_not_count(
    host: Callable[..., Record],
) -> None:
    one, two = host("one"), host("two")
    for id in ("first", "second"):
        hand_in(one, id)
    assert one.back("first", took(one).fence) == "queued"
    assert took(two).id == "first"
    assert (two.of("first") or {})["attempts"] == "1"


def test_users_have_turns_and_who_comes_late_need_not_wait_for_all_the_others(
    host: Callable[..., Record],
) -> None:
    one = host("one")
    for number in range(4):
        hand_in(one, f"alice-{number}")
    assert took(one).id == "alice-0"
    hand_in(one, "bob-0", "bob")
    hand_in(one, "bob-1", "bob")
    hand_in(one, "carol-0", "carol")
    order = ["bob-0", "carol-0", "alice-1", "bob-1", "alice-2", "alice-3"]
    assert [took(one).id for _ in order] == order


def test_who_hands_in_one_after_the_other_has_no_more_turns_than_others(
    host: Callable[..., Record],
) -> None:
    one = host("one")
    for user in ("alice", "bob"):
        for number in range(2):
            hand_in(one, f"{user}-{number}", user)
    taken = []
    for number in range(3):
        hand_in(one, f"carol-{number}", "carol")
        taken += [took(one).id.partition("-")[0] for _ in range(2)]
    assert taken == ["alice", "bob", "carol", "alice", "bob", "carol"]


def test_urgent_jobs_come_first_and_a_low_one_that_waited_long_is_low_no_more(
    host: Callable[..., Record],
) -> None:
    one = host("one")
    for priority in ("low", "normal", "high"):
        hand_in(one, priority, priority=priority)
    hand_in(one, "aged", priority="low")
    assert [took(one).id for _ in range(2)] == ["high", "normal"]
    hand_in(one, "late")
    one.client.zadd(one.farm.prefix + "ages", {"aged": 1})  # as if it had waited ten minutes
    one.beat({})
    assert [took(one).id for _ in range(3)] == ["aged", "late", "low"]


def test_a_user_has_a_bound_of_jobs_that_wait(host: Callable[..., Record]) -> None:
    one = host("one", max_jobs_per_user=2, max_jobs=3)
    said = [hand_in(one, f"{user}-{n}", user)[0] for user in ("alice", "bob") for n in range(3)]
    assert said[:3] == ["accepted", "accepted", "of one user"]
    assert said[3:] == ["accepted", "in all", "in all"]


def test_the_same_key_is_the_same_job(host: Callable[..., Record]) -> None:
    one = host("one")
    assert hand_in(one, "first", key="take-1") == ("accepted", "first")
    assert hand_in(one, "second", key="take-1") == ("accepted", "first")
    assert hand_in(one, "third", "bob", key="take-1") == ("accepted", "third")
    assert one.counts() == (2, 0)


def test_a_job_whose_time_is_up_is_taken_by_nobody(host: Callable[..., Record]) -> None:
    one = host("one")
    hand_in(one, "job", expires=0.001)
    until(lambda: one.beat({})[0] == 0)
    assert one.take() is None
    assert (one.of("job") or {})["state"] == "expired"


def test_a_cancelled_job_whose_host_is_lost_is_cancelled_and_not_rendered_again(
    host: Callable[..., Record],
) -> None:
    one, two = host("one", lease_seconds=1), host("two")
    hand_in(one, "job")
    took(one)
    assert two.cancel("job", "bob") == "unknown"
    assert two.cancel("job", "alice") == "asked"
    until(lambda: two.beat({})[1])
    assert (two.of("job") or {})["state"] == "cancelled"
    assert two.cancel("job", "alice") == "ended"


def test_what_is_forgotten_leaves_no_key_behind(host: Callable[..., Record]) -> None:
    one = host("one")
    before = set(one.client.keys())
    hand_in(one, "job", key="mine", expires=1000)
    one.finish("job", took(one).fence, "succeeded", result="it")
    one.forget("job")
    left = {name.removeprefix(one.farm.prefix) for name in set(one.client.keys()) - before}
    assert left == {"events", "seq", "sequence", "turn", "served"}


def test_the_end_of_a_share_that_nobody_waits_for_any_more_is_told_and_not_repeated(
    host: Callable[..., Record], tmp_path: Path
) -> None:
    one = host("one")
    spec = Spec("alice", (FACE, VOICE), 1, {}, {}, share_of="0123456789ab")
    one.submit("share", spec, spec.dumps(), "signature")
    taken = took(one)
    one.client.flushdb()
    assert one.restore(taken, spec) == "lost"
    places = {name: tmp_path / name for name in ("cache", "state", "socket")}
    tools = tools_of(one.farm, one.client, Namespace(**places))
    ending = Ending(tools, taken, spec, LocalJob(tools, taken, spec), lambda: False)
    assert ending.finish("succeeded") == "lost"
    assert one.of("share") is None


def test_two_farms_on_one_redis_know_nothing_of_each_other(host: Callable[..., Record]) -> None:
    one, other = host("one"), host("other", name="second")
    hand_in(one, "job")
    assert other.take() is None and other.of("job") is None
    assert [name for name, *_ in other.hosts()] == ["other"]
