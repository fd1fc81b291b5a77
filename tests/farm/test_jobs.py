"""What becomes of jobs on hosts: stopped, given back, refused, followed."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.farm.farm import Farm, Host, in_daemon, until

from lipsyncctl import Job
from lipsyncd.errors import (
    AccessDenied,
    InputError,
    InvalidRequest,
    JobEnded,
    KeyTaken,
    NoResult,
    NotRetryable,
    UnknownJob,
)
from lipsyncfarm.client import FarmClient
from lipsyncfarm.identity import signature_of, token_of
from lipsyncfarm.spec import Input, Spec

ANOTHER = "0123456789ab"  # an id


def submitted(client: FarmClient, host: Host, **options: object) -> Job:
    return client.submit(host.daemon.face, host.daemon.voice, **options)


def test_a_cancelled_job_ends_at_its_host_too(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one")
    one.daemon.hold()
    job = submitted(client, one)
    until(lambda: in_daemon(one, "running"))
    assert client.cancel(job.id).state == "cancelled"
    assert (in_daemon(one, "running"), one.daemon.spooled()) == (0, set())
    with pytest.raises(JobEnded):
        client.cancel(job.id)
    with pytest.raises(NoResult):
        client.fetch(job.id, farm.directory / "out.mp4")


def test_a_drained_daemon_is_given_nothing_and_gives_back_what_has_not_begun(farm: Farm) -> None:
    """Of two jobs at a daemon that renders one at a time, the second waits there."""
    client = farm.client()
    one = farm.host("one", "[render]\nmax_active = 1\n", slots=2)
    one.daemon.hold()
    jobs = [submitted(client, one, expression=number / 10) for number in range(2)]
    until(lambda: (in_daemon(one, "running"), in_daemon(one, "queued")) == (1, 1))
    one.daemon.persist(lambda daemon: daemon.ask("drain", reason="new disks"))

    def in_state(state: str) -> list[Job]:
        return [each for each in client.list() if each.state == state]

    (waits,) = until(lambda: in_state("queued"))
    (runs,) = in_state("running")
    assert {runs.id, waits.id} == {job.id for job in jobs}
    assert in_daemon(one, "queued") == 0
    until(lambda: "new disks" in farm.run("hosts").stdout)
    farm.host("two")
    assert client.wait(waits.id)["host"] == "two"
    one.daemon.let_go()
    assert client.wait(runs.id)["host"] == "one"


def test_what_the_files_are_to_blame_for_fails_at_once(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one")
    job = client.submit(one.daemon.voice, one.daemon.voice)  # a face that is a sound
    ended = client.wait(job.id)
    assert (ended.state, ended["attempts"], ended["failures"]) == ("failed", 1, [])
    assert isinstance(ended.error, InputError)
    again = client.retry(job.id)
    assert (again["retry_of"], client.wait(again.id).state) == (job.id, "failed")
    assert farm.run("retry", job.id).returncode == 0
    refused = farm.run("retry", job.id, "--redo", "0-1")
    assert "A farm repeats whole jobs only." in refused.stderr


def test_a_host_that_cannot_do_it_leaves_it_to_another(farm: Farm) -> None:
    """Whoever runs the daemon of that host cancels it there."""
    client, one = farm.client(), farm.host("one")
    one.daemon.hold()
    job = submitted(client, one)
    until(lambda: in_daemon(one, "running"))
    farm.host("two")
    until(lambda: len(client.hosts()) == 2)
    one.daemon.persist(
        lambda daemon: [
            daemon.ask("cancel", job=each["id"]) for each in daemon.ask("list", limit=9)["jobs"]
        ]
    )
    ended = client.wait(job.id)
    assert (ended.state, ended["host"], ended["attempts"]) == ("succeeded", "two", 2)
    assert [each["host"] for each in ended["failures"]] == ["one"]
    assert {each["host"]: each["problem"] for each in client.hosts()}["one"]


def test_nobody_hands_in_a_job_in_the_name_of_another(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, alice = farm.host("one"), farm.client("alice")
    token = token_of(alice.farm, "alice")
    monkeypatch.delenv("LIPSYNCFARM_KEY")
    monkeypatch.setenv("LIPSYNCFARM_TOKEN", token)
    toml = farm.toml("alice.toml", user="alice"), farm.toml("mallory.toml", user="mallory")
    honest, forged = (FarmClient(str(path)) for path in toml)
    told = honest.wait(submitted(honest, one).id)
    assert told.state == "succeeded"
    refused = forged.wait(submitted(forged, one).id)
    assert (refused.state, type(refused.error)) == ("failed", AccessDenied)
    fields = farm.record().of(told.id) or {}  # what alice has signed, once more
    spec = replace(Spec.loads(fields["spec"]), terms={})
    farm.record().submit(ANOTHER, spec, fields["spec"], fields["signature"])
    assert isinstance(honest.wait(ANOTHER).error, AccessDenied)
    assert not one.daemon.spooled()
    monkeypatch.delenv("LIPSYNCFARM_TOKEN")
    with pytest.raises(AccessDenied):
        submitted(FarmClient(str(toml[0])), one)


def test_a_job_that_is_none_ends_no_host_and_names_no_file_of_it(farm: Farm) -> None:
    """Whoever has a token and speaks with Redis may write what they want."""
    client, one, record = farm.client(), farm.host("one"), farm.record()
    input = {"name": "face", "size": 1, "sha256": "../../../../etc/passwd"}
    spec = {"user": "alice", "inputs": [input, input], "voices": 1, "options": {}, "terms": {}}
    good = Spec("alice", (Input("face", "0" * 64, 1),) * 2, 1, {}, {})
    written = {"0123456789ab": json.dumps(spec), "../../../evil": good.dumps()}
    for id, text in written.items():
        record.submit(id, good, text, signature_of(client.farm, id, text))
    until(lambda: record.counts() == (0, 0))
    assert [each["face"] for each in client.list()] == ["?", "face"]
    for id in written:
        assert json.loads((record.of(id) or {})["error"])["name"] == InvalidRequest.name
    assert client.wait(submitted(client, one).id).state == "succeeded"


def test_a_user_learns_nothing_of_the_jobs_of_others_and_an_admin_sees_all(
    farm: Farm, tmp_path: Path
) -> None:
    face = tmp_path / "face"
    face.write_bytes(b"face")
    alice, bob, root = farm.client("alice"), farm.client("bob"), farm.client("root")
    job = alice.submit(face, face).id
    for act in (bob.status, bob.wait, bob.cancel, bob.retry):
        with pytest.raises(UnknownJob):
            act(job)
    with pytest.raises(UnknownJob):
        bob.fetch(job, tmp_path / "out.mp4")
    assert bob.list() == []
    assert [each.id for each in root.list()] == [each.id for each in alice.list()] == [job]
    assert "alice" in farm.run("list", user="root").stdout
    with pytest.raises(AccessDenied):
        alice.submit(face, face, priority="high")
    assert root.cancel(job).state == "cancelled"


def test_a_daemon_may_count_by_the_users_of_the_farm(farm: Farm) -> None:
    """Of its two slots one user has one."""
    one = farm.host("one", "[render]\nmax_active = 2\n", labels=True)
    one.daemon.hold()
    jobs = [submitted(farm.client(user), one) for user in ("alice", "bob")]
    until(lambda: in_daemon(one, "running") == 2)
    listed = one.daemon.persist(lambda daemon: daemon.ask("list"))["jobs"]
    assert sorted(job["label"] for job in listed) == ["alice", "bob"]
    one.daemon.let_go()
    for job, user in zip(jobs, ("alice", "bob"), strict=True):
        assert farm.client(user).wait(job.id).state == "succeeded"
    with pytest.raises(InvalidRequest, match="knows its users by their tokens"):
        submitted(farm.client(), one, label="bob")


def test_the_beginning_of_an_id_stands_for_it_in_each_verb(farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(b"face")
    client, root = farm.client(), farm.client("root")
    job = client.submit(tmp_path / "face", tmp_path / "face").id
    begun = job[:5]
    assert client.status(begun).id == job
    assert client.cancel(begun).id == client.wait(begun).id == job
    assert next(client.follow(jobs=[begun])).job.id == job
    with pytest.raises(NoResult, match=job):
        client.fetch(begun, tmp_path / "out.mp4")
    assert client.retry(begun)["retry_of"] == job
    with pytest.raises(UnknownJob, match="There is no job"):
        root.status(begun)  # of others only whole ones, so nobody learns of them
    record = farm.record()
    fields = record.of(job) or {}
    spec = Spec.loads(fields["spec"])
    for other in (begun + "0" * 7, begun + "1" * 7):
        record.submit(other, replace(spec, terms={}), fields["spec"], "signature")
    with pytest.raises(UnknownJob, match="Several of your jobs begin with"):
        client.status(begun)


def test_what_was_cancelled_or_came_too_late_can_be_repeated(farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(b"face")
    client = farm.client()
    late = client.submit(tmp_path / "face", tmp_path / "face", expires=0.001)
    until(lambda: farm.record().beat({})[0] == 0)
    assert client.status(late.id).state == "expired"
    again = client.retry(late.id)
    assert (again.state, again["retry_of"], again["expires_at"]) == ("queued", late.id, None)
    with pytest.raises(NotRetryable):
        client.retry(again.id)
    client.cancel(again.id)
    assert client.retry(again.id)["retry_of"] == again.id


def test_a_face_with_many_voices_is_stored_once(farm: Farm, tmp_path: Path) -> None:
    client = farm.client()
    for name in ("face", "hello", "world"):
        (tmp_path / name).write_bytes(name.encode())
    for voice in ("hello", "world"):
        client.submit(tmp_path / "face", tmp_path / voice)
    stored = {path.name for path in (farm.store / "inputs").iterdir()}
    assert stored == {hashlib.sha256(name).hexdigest() for name in (b"face", b"hello", b"world")}
    key = {"key": "mine"}
    first = client.submit(tmp_path / "face", tmp_path / "hello", **key)
    assert client.submit(tmp_path / "face", tmp_path / "hello", **key).id == first.id
    boxed = {"key": "boxed", "box": (1, 2, 3, 4)}
    same = [client.submit(tmp_path / "face", tmp_path / "hello", **boxed).id for _ in range(2)]
    assert same[0] == same[1]
    with pytest.raises(KeyTaken):
        client.submit(tmp_path / "face", tmp_path / "world", **key)
    with pytest.raises(InvalidRequest):
        client.submit(tmp_path / "face", tmp_path / "hello", blend="sideways")


def test_who_follows_hears_each_change_once_and_in_order(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one")
    jobs = [submitted(client, one, expression=number / 10).id for number in range(2)]
    told = farm.run("--json", "follow", "--since", "0", *jobs)
    changes = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode == 0, told.stderr
    assert [each["seq"] for each in changes] == sorted({each["seq"] for each in changes})
    for job in jobs:
        states = [each["job"]["state"] for each in changes if each["job"]["id"] == job]
        assert states == ["queued", "running", "succeeded"]
    assert client.wait_any(jobs).id in jobs
