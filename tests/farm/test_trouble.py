"""What goes wrong around a farm: each has its name, or passes without a trace."""

import io
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.daemon.reencoding import face, voice
from support.farm.farm import Farm, Host, until

from lipsyncctl import Job
from lipsyncd.errors import (
    AccessDenied,
    ConfigInvalid,
    DiskFull,
    HostExhausted,
    InvalidRequest,
    ServerUnreachable,
    StoreFailed,
)
from lipsyncfarm.client import FarmClient
from lipsyncfarm.config import Farm as Config
from lipsyncfarm.config import find_farm, load_farm
from lipsyncfarm.store import MediaStore
from lipsyncfarm.sweep import sweep
from lipsyncfarm.tickets import app_of

SHIPPED = Path(__file__).parents[2] / "systemd/farm.toml"
HOUR, MONTH = 3600, 30 * 86_400  # seconds
TICKETS = "{lipsyncfarm:test}:tickets"


def begun(host: Host, client: FarmClient) -> Job:
    """A job that this host has begun, and does not end before it is let go."""
    host.daemon.hold()
    job = client.submit(host.daemon.face, host.daemon.voice)
    until(lambda: host.daemon.persist(lambda daemon: daemon.ask("health"))["running"])
    return job


def ended_code(farm: Farm, name: str, **chosen: object) -> tuple[int, str]:
    """How a worker that cannot begin ends, and what it says."""
    bridge = farm.bridge(name, farm.directory / "no.sock", **chosen)
    return bridge.process.wait(), bridge.log


def test_a_ticket_that_is_lost_is_replaced(farm: Farm, tmp_path: Path) -> None:
    client = farm.client()
    job = client.submit(face(tmp_path / "face.mp4"), voice(tmp_path / "voice.wav"))
    (ticket,) = farm.redis.client().lrange(TICKETS, 0, -1)
    assert len(ticket) < 1000 and job.id not in ticket
    assert farm.redis.client().delete(TICKETS)
    farm.host("one")
    assert client.wait(job.id).state == "succeeded"


def test_a_ticket_that_is_delivered_again_while_its_job_runs_changes_nothing(farm: Farm) -> None:
    chosen = {"visibility_seconds": 1, "slots": 1}
    client, one = farm.client(**chosen), farm.host("one", **chosen)
    job = begun(one, client)
    app = app_of(client.farm)
    with app.connection_for_read() as connection:
        again = connection.default_channel.qos.restore_visible
        until(lambda: again(interval=1) or farm.redis.client().llen(TICKETS))
    one.daemon.let_go()
    ended = client.wait(job.id)
    assert (ended.state, ended["attempts"]) == ("succeeded", 1)
    until(lambda: not farm.redis.client().llen(TICKETS))
    assert len(farm.results()) == 1


def test_a_host_that_has_enough_to_do_leaves_the_next_job_to_another(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one", slots=1)
    job = begun(one, client)
    another = client.submit(one.daemon.face, one.daemon.voice, expression=0.5)
    farm.host("two", slots=1)
    assert client.wait(another.id)["host"] == "two"
    one.daemon.let_go()
    assert client.wait(job.id)["host"] == "one"


def test_a_redis_without_memory_refuses_jobs_and_loses_none(farm: Farm) -> None:
    client, one, redis = farm.client(), farm.host("one"), farm.redis.client()
    job = begun(one, client)
    redis.config_set("maxmemory", 1)
    with pytest.raises(DiskFull):
        client.submit(one.daemon.face, one.daemon.voice)
    one.daemon.let_go()
    # Celery may end with it, and its service manager begins it anew
    until(lambda: "has no memory left" in one.bridge.log or one.bridge.process.poll() is not None)
    redis.config_set("maxmemory", 0)
    assert one.end_of(client, job.id).state == "succeeded"


def test_a_redis_that_would_forget_jobs_is_refused(farm: Farm) -> None:
    farm.redis.client().config_set("maxmemory-policy", "allkeys-lru")
    code, said = ended_code(farm, "one")
    assert code == ConfigInvalid.code
    assert "redis-cli config set maxmemory-policy noeviction" in said


def test_a_password_comes_from_the_environment_and_is_never_in_the_file(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    farm.redis.client().config_set("requirepass", "s3cret/@")
    code, said = ended_code(farm, "one")
    assert code == AccessDenied.code and "LIPSYNCFARM_BROKER_PASSWORD" in said
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/broker-password").write_text("s3cret/@\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    job = farm.client().submit(face(tmp_path / "face.mp4"), voice(tmp_path / "voice.wav"))
    farm.host("two")
    assert farm.client().wait(job.id).state == "succeeded"
    with pytest.raises(ConfigInvalid, match="has a secret in it"):
        load_farm(farm.toml(broker="redis://:s3cret@localhost/0"))


def test_a_store_that_is_not_mounted_here_ends_the_worker_with_its_name(farm: Farm) -> None:
    code, said = ended_code(farm, "one", store=f"file://{farm.directory}/elsewhere")
    assert code == StoreFailed.code
    assert "whether it is mounted here" in said


def test_a_store_without_room_refuses_jobs_and_gets_the_results_when_it_has_some(
    farm: Farm, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1 << 20)
    chosen = {"store": f"file://{disk}"}
    client, one = farm.client(**chosen), farm.host("one", **chosen)
    job = begun(one, client)
    ballast = disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}"], capture_output=True, check=False)
    with pytest.raises(DiskFull):
        client.submit(ballast, one.daemon.voice)
    one.daemon.let_go()
    until(lambda: "waits for the store" in one.bridge.log)
    assert client.status(job.id).state == "running"
    ballast.unlink()
    assert client.wait(job.id)["attempts"] == 1


def test_a_store_that_is_read_only_says_so(
    farm: Farm, small_disk: Callable[[int], Path], tmp_path: Path
) -> None:
    disk = small_disk(1 << 20)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(AccessDenied, match="may not be used"):
        farm.client(store=f"file://{disk}").submit(
            face(tmp_path / "face.mp4"), voice(tmp_path / "voice.wav")
        )


def test_a_redis_that_is_away_has_a_name(farm: Farm) -> None:
    farm.redis.kill()
    told = farm.run("list")
    assert told.returncode == ServerUnreachable.code
    assert "The Redis of the farm test does not answer" in told.stderr
    assert "Traceback" not in told.stderr


def test_what_a_farm_needs_is_missed_by_name_and_only_if_a_farm_is_named() -> None:
    code = "import sys; sys.modules['celery'] = None; from lipsyncctl.main import main; "
    for words, said in ((["--farm", "studio", "list"], "[farm]"), (["hosts"], "--farm NAME")):
        run = f"sys.argv[1:] = {words}; sys.exit(main())"
        command = [sys.executable, "-c", code + run]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode in {ConfigInvalid.code, InvalidRequest.code}
        assert said in told.stderr, told


def test_a_result_that_is_damaged_in_the_store_is_not_delivered(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one")
    job = client.submit(one.daemon.face, one.daemon.voice)
    client.wait(job.id)
    (result,) = farm.store.glob("results/*")
    result.write_bytes(result.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreFailed):
        client.fetch(job.id, farm.directory / "out.mp4")
    assert not (farm.directory / "out.mp4").exists()


def test_a_consumer_that_is_silent_ends_its_bridge_and_the_next_one_takes_the_job(
    farm: Farm,
) -> None:
    client, one = farm.client(), farm.host("one")
    one.bridge.end()
    one.bridge.start("support.farm.silent")
    job = client.submit(one.daemon.face, one.daemon.voice)
    assert one.bridge.process.wait() == HostExhausted.code
    assert client.status(job.id).state == "queued"
    one.bridge.start()
    assert client.wait(job.id).state == "succeeded"


def test_what_was_kept_long_enough_goes_and_nothing_else(farm: Farm) -> None:
    client, one = farm.client(), farm.host("one")
    ended = client.submit(one.daemon.face, one.daemon.voice)
    client.wait(ended.id)
    (farm.store / "results/0123456789ab.1.mp4").write_bytes(b"of who held an older fence")
    (farm.store / "inputs/cafe#1").write_bytes(b"half an upload")
    waits = begun(one, client)
    store = MediaStore(farm.client().farm)
    sweep(farm.record(), store, keep=0, cut_off=0)
    assert farm.results() == []
    assert len(list((farm.store / "inputs").iterdir())) == 2
    assert [each.id for each in client.list()] == [waits.id]
    one.daemon.let_go()
    client.wait(waits.id)
    sweep(farm.record(), store, keep=0, cut_off=0)
    assert [path for path in farm.store.rglob("*") if path.is_file()] == []


def test_a_host_whose_clock_is_wrong_sweeps_nothing_that_is_new(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others upload just now has no record yet."""
    store, record = MediaStore(farm.client().farm), farm.record()
    for name in ("inputs/cafe", "results/0123456789ab.1.mp4"):
        store.put(name, io.BytesIO(b"new"))
    (farm.store / "inputs/cafe#1").write_bytes(b"half an upload")
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + MONTH)
    sweep(record, store, keep=HOUR, cut_off=HOUR)
    assert len([path for path in farm.store.rglob("*") if path.is_file()]) == 3
    monkeypatch.setattr(time, "time", lambda: right() - MONTH)
    sweep(record, store, keep=-HOUR, cut_off=-HOUR)
    assert not [path for path in farm.store.rglob("*") if path.is_file()]


def test_the_shipped_file_has_every_key_with_its_default(farm: Farm) -> None:
    text = re.sub(r"^#(?=\w+ =)", "", SHIPPED.read_text(), flags=re.MULTILINE)
    shipped = tomllib.loads(text)
    defaults = vars(Config()) | {"user": "alice", "host": "render-1"}
    named = {"name", "broker", "store"}
    assert set(shipped) == set(defaults) - {"secrets"}
    for name in sorted(set(shipped) - named):
        value = shipped[name]
        assert (tuple(value) if isinstance(value, list) else value) == defaults[name], name


def test_a_farm_that_is_unknown_or_wrong_says_what_to_do(farm: Farm) -> None:
    for name, words in (("studio", "there is no"), ("No Farm", "is no farm")):
        with pytest.raises(ConfigInvalid, match=words):
            find_farm(name)
    with pytest.raises(ConfigInvalid, match="slots is a whole number"):
        load_farm(farm.toml(slots="many"))
    with pytest.raises(ConfigInvalid, match="brokr is no key"):
        load_farm(farm.toml(brokr=""))
    for verb in (("probe", "face.mp4"), ("drain",), ("logs", "it"), ("models",)):
        told = farm.run(*verb)
        assert told.returncode == 2 and "for one daemon" in told.stderr, told
