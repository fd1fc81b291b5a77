"""Whatever of a farm is killed while it renders, a job comes to one end, and leaves nothing."""

import signal
from pathlib import Path

from support.daemon.reencoding import FRAMES, frames_in
from support.farm.farm import Farm, Host, in_daemon, until
from torture.farm import torture

from lipsyncctl import Job
from lipsyncfarm.client import FarmClient

LONG = 30  # seconds of a lease that does not end while a test lasts


def begun(host: Host, client: FarmClient) -> Job:
    """A job that this host has begun, and does not end before it is let go."""
    host.daemon.hold()
    job = client.submit(host.daemon.face, host.daemon.voice)
    until(lambda: in_daemon(host, "running") and client.status(job.id)["host"] == host.name)
    return job


def check(farm: Farm, client: FarmClient, job: Job, path: Path) -> Job:
    """It has succeeded once, and its result is whole; nothing of it is left at a host."""
    ended = client.wait(job.id)
    assert ended.state == "succeeded", ended.error
    client.fetch(job.id, path)
    assert frames_in(path) == FRAMES
    assert len(farm.results()) == 1
    return ended


def test_a_bridge_that_is_killed_and_comes_back_goes_on_with_its_job(
    farm: Farm, tmp_path: Path
) -> None:
    client, one = farm.client(), farm.host("one", lease_seconds=LONG)
    job = begun(one, client)
    one.bridge.end(signal.SIGKILL)
    one.bridge.start()
    one.daemon.let_go()
    assert check(farm, client, job, tmp_path / "out.mp4")["attempts"] == 1
    until(one.bridge.has_nothing)
    assert not one.daemon.spooled()


def test_a_bridge_that_is_told_to_stop_leaves_what_runs_to_the_next_one(
    farm: Farm, tmp_path: Path
) -> None:
    client, one = farm.client(), farm.host("one", lease_seconds=LONG)
    job = begun(one, client)
    assert one.bridge.end(signal.SIGTERM) == 0
    assert in_daemon(one, "running") == 1
    one.bridge.start()
    one.daemon.let_go()
    assert check(farm, client, job, tmp_path / "out.mp4")["attempts"] == 1


def test_a_job_of_a_host_that_is_lost_is_rendered_by_another_and_delivered_once(
    farm: Farm, tmp_path: Path
) -> None:
    client, one = farm.client(), farm.host("one")
    job = begun(one, client)
    one.bridge.end(signal.SIGKILL)
    farm.host("two")
    ended = check(farm, client, job, tmp_path / "out.mp4")
    assert (ended["host"], ended["attempts"]) == ("two", 2)
    one.bridge.start()  # and finds that its job is not its own any more
    until(one.bridge.has_nothing)
    assert in_daemon(one, "running") == 0
    assert farm.results() == [f"{job.id}.2.mp4"]


def test_a_daemon_that_is_killed_goes_on_with_the_job_when_it_is_back(
    farm: Farm, tmp_path: Path
) -> None:
    client, one = farm.client(), farm.host("one")
    job = begun(one, client)
    one.daemon.end(signal.SIGKILL)
    one.daemon.let_go()
    one.daemon.start()
    assert check(farm, client, job, tmp_path / "out.mp4")["attempts"] == 1


def test_a_redis_that_is_killed_and_comes_back_costs_nothing(farm: Farm, tmp_path: Path) -> None:
    client, one = farm.client(), farm.host("one")
    job = begun(one, client)
    waits = client.submit(one.daemon.face, one.daemon.voice, expression=0.5)
    farm.redis.kill()
    one.daemon.let_go()
    farm.redis.start()
    assert one.end_of(client, waits.id).state == "succeeded"
    assert one.end_of(client, job.id).state == "succeeded"
    assert len(farm.results()) == 2


def test_a_redis_that_has_lost_its_data_is_told_of_what_a_daemon_has_accepted(
    farm: Farm, tmp_path: Path
) -> None:
    client, one = farm.client(), farm.host("one")
    job = begun(one, client)
    farm.redis.client().flushall()
    one.daemon.let_go()
    until(lambda: farm.record().of(job.id))
    one.end_of(client, job.id)
    check(farm, client, job, tmp_path / "out.mp4")


def test_whatever_is_killed_or_cut_off_at_random_each_job_comes_out_once_and_whole(
    tmp_path: Path,
) -> None:
    tally = torture(tmp_path, kills=8, seed=3)
    assert tally.accepted and tally.is_clean, tally
