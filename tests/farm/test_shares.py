"""A long job is made in shares by several hosts, and its bytes are those of one host."""

import hashlib
import io
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.daemon.reencoding import reencoding_daemon
from support.farm.farm import Farm, Host, until

from lipsyncctl import Job
from lipsyncd.errors import InputGone
from lipsyncfarm.alike import fingerprint_of
from lipsyncfarm.client import FarmClient
from lipsyncfarm.local import Tools
from lipsyncfarm.record import Taken
from lipsyncfarm.shares import Cut, Shares
from lipsyncfarm.spec import Input, Spec
from lipsyncfarm.store import MediaStore

FACE, VOICE = Input("face.mp4", "f" * 64, 1), Input("voice.wav", "a" * 64, 1)
CUT = {"share_frames": 3}  # of jobs of 12 frames

Began = Callable[..., tuple[list[Host], Job]]


@pytest.fixture
def client(farm: Farm) -> FarmClient:
    return farm.client(**CUT)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The result that one daemon makes by itself."""
    with reencoding_daemon(tmp_path_factory.mktemp("alone")) as daemon:
        job = daemon.submit()
        assert daemon.end_of(job)["state"] == "succeeded"
        found: bytes = daemon.persist(lambda client: client.result_of(job))
        return found


@pytest.fixture
def began(farm: Farm, client: FarmClient) -> Began:
    """Hosts, and a job that one of them leads, the first of these; no render goes on yet."""

    def began(*names: str) -> tuple[list[Host], Job]:
        hosts = [farm.host(name, **CUT) for name in names]
        until(lambda: len({each["fingerprint"] for each in client.hosts()} - {""}) == 1)
        until(lambda: len(client.hosts()) == len(names))
        for host in hosts:
            host.daemon.hold()
        job = client.submit(hosts[0].daemon.face, hosts[0].daemon.voice)
        until(lambda: any("is made in shares: 4" in host.bridge.log for host in hosts))
        leader = client.status(job.id)["host"]
        return sorted(hosts, key=lambda host: host.name != leader), job

    return began


def fetched(farm: Farm, client: FarmClient, job: Job) -> bytes:
    """The result."""
    ended = client.wait(job.id)
    assert ended.state == "succeeded", ended.error
    path = farm.directory / "out.mp4"
    client.fetch(job.id, path)
    return path.read_bytes()


def shares(farm: Farm, **wanted: str) -> list[dict[str, str]]:
    """The records of the jobs that make shares, and have these fields."""
    redis = farm.redis.client()
    found = [redis.hgetall(name) for name in redis.scan_iter("*}:job:*")]
    return [each for each in found if "share_of" in each and wanted.items() <= each.items()]


def check(farm: Farm, client: FarmClient, job: Job, hosts: list[Host]) -> None:
    """Nothing is left of its shares."""
    until(lambda: not shares(farm))
    assert client.list() and [each.id for each in client.list()] == [job.id]
    for host in hosts:
        until(host.bridge.has_nothing)
        until(lambda: not host.daemon.spooled())  # noqa: B023


def test_a_long_job_is_made_by_several_hosts_and_is_the_bytes_of_one(
    farm: Farm, client: FarmClient, wanted: bytes, began: Began
) -> None:
    (leader, other), job = began("one", "two")
    leader.daemon.let_go()
    until(lambda: shares(farm, host=other.name))
    other.daemon.let_go()
    assert fetched(farm, client, job) == wanted
    ended = client.status(job.id)
    assert (ended["done"], ended["total"], ended["attempts"]) == (12, 12, 1)
    check(farm, client, job, [leader, other])


def test_hosts_that_are_lost_cost_the_shares_that_they_had(
    farm: Farm, client: FarmClient, wanted: bytes, began: Began
) -> None:
    """One of them leads: who takes the job next finds the shares that there are."""
    (leader, other, third), job = began("one", "two", "three")
    leader.daemon.let_go()
    until(lambda: shares(farm, host=other.name) and shares(farm, state="succeeded"))
    known = {each["sequence"] for each in shares(farm)}
    for lost in (leader, other):
        lost.bridge.end(signal.SIGKILL)
    until(lambda: "is made in shares: 4" in third.bridge.log)
    third.daemon.let_go()
    assert {each["sequence"] for each in shares(farm)} == known
    assert fetched(farm, client, job) == wanted
    assert client.status(job.id)["attempts"] == 2
    for lost in (leader, other):
        lost.bridge.start()
    check(farm, client, job, [leader, other, third])


def test_a_job_that_is_cancelled_takes_its_shares_along(
    farm: Farm, client: FarmClient, began: Began
) -> None:
    (leader, other), job = began("one", "two")
    leader.daemon.let_go()
    until(lambda: shares(farm, host=other.name, state="running"))
    leader.daemon.hold()
    assert client.cancel(job.id).state == "cancelled"
    until(lambda: not shares(farm, state="running") and not shares(farm, state="queued"))
    for host in (leader, other):
        until(host.bridge.has_nothing)


def test_a_share_that_has_failed_fails_the_job(
    farm: Farm, client: FarmClient, began: Began
) -> None:
    """What it was to go on from is damaged in the store."""
    (leader, other), job = began("one", "two")
    leader.daemon.pace(60)
    leader.daemon.let_go()
    until(lambda: len(list(farm.store.glob("inputs/*"))) == 3)
    seen = next(each for each in farm.store.glob("inputs/*") if b"such a" in each.read_bytes())
    seen.write_bytes(b"damaged")
    other.daemon.let_go()
    ended = client.wait(job.id)
    assert (ended.state, type(ended.error)) == ("failed", InputGone), ended


def test_a_share_is_taken_by_hosts_that_make_the_same_bytes(farm: Farm) -> None:
    record = farm.record()
    long = Spec("alice", (FACE, VOICE), 1, {}, {})
    share = replace(long, options={"share": "0-1/2"}, share_of="0123456789ab", needs="these")
    record.submit("share", share, share.dumps(), "signature")
    assert record.take("others") is None and record.take() is None
    taken = record.take("these")
    assert taken and taken.id == "share"
    assert not record.newest("alice", None)


def test_a_share_that_is_damaged_or_gone_in_the_store_is_left_to_who_joins(
    farm: Farm, tmp_path: Path
) -> None:
    record = farm.record()
    store = MediaStore(record.farm)
    tools = Tools(record.farm, record, store, None, None, None, tmp_path)  # of a bridge
    long = Spec("alice", (FACE, VOICE), 1, {}, {})
    with (tmp_path / "work").open("w+b") as work:
        work.write(b"seen")
        taken = Taken("0123456789ab", 1, long.dumps(), "signature", None)
        made = Shares(tools, taken, long, Cut(3, "these")).made(FACE, work)
        next(made)
        for content, wanted in ((b"damaged", b"whole"), (b"", b"gone"), (b" one", b" one")):
            share = record.take("these")
            assert share
            path, sha256 = f"results/{share.id}.1.work", hashlib.sha256(wanted).hexdigest()
            if content:
                store.put(path, io.BytesIO(content))
            record.finish(share.id, 1, "succeeded", result=path, result_sha256=sha256)
        assert [*made]
    assert (tmp_path / "work").read_bytes() == b"seen one"


def test_hosts_differ_by_their_weights_and_the_kind_of_their_devices() -> None:
    gpu = {"device": "cuda:0", "device_name": "H200", "precision": "float16", "version": "1"}
    gpu["checkpoint_sha256"] = "f" * 64
    cpu = {"device": "cpu", "precision": "float32", "version": "1", "checkpoint_sha256": "f" * 64}
    two = {"version": "1", "devices": [gpu, gpu | {"device": "cuda:1", "device_uuid": "2"}]}
    assert fingerprint_of(gpu | {"device_uuid": "1"}) == fingerprint_of(two)
    others = [gpu | {name: "another"} for name in ("device_name", "precision", "checkpoint_sha256")]
    found = {fingerprint_of(each) for each in (gpu, cpu, *others, gpu | {"version": "2"})}
    assert len(found) == 6
