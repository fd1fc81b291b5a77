"""A host of a farm as it is installed: its bridge renders for users of the farm, in its sandbox."""

import shutil
from collections.abc import Iterator

import pytest
from support.systemd.machine import PREFIX, Machine, assembled

pytestmark = pytest.mark.booted

TOML = (
    'name = "farm"\nbroker = "redis://localhost:6379/0"\nstore = "file:///srv/shared"\nslots = 1\n'
)
KEY, PASSWORD = "the key of the hosts", "the password of Redis"


@pytest.fixture
def host(installed: None) -> Iterator[Machine]:
    """A machine on which `make install-farm` has been run, with a Redis and a folder."""
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server, which Debian's package of that name brings")
    with assembled() as machine:
        machine.write("/etc/lipsyncd/farms/farm.toml", TOML)
        for name, secret in (("key", KEY), ("broker-password", PASSWORD)):
            machine.write(f"/etc/lipsyncd/secrets/{name}", secret)
            machine.inside(f"/etc/lipsyncd/secrets/{name}").chmod(0o600)
        folders = [f"/srv/shared/{name}" for name in ("", "inputs", "results")]
        machine.run("install", "--directory", "--mode=2770", "--group=lipsync", *folders)
        redis = ["redis-server", "--requirepass", PASSWORD, "--appendonly", "yes"]
        machine.run("systemd-run", "--unit=redis", "--property=StateDirectory=redis",
                    "--working-directory=/tmp", *redis)  # fmt: skip
        machine.drop_in("ReadWritePaths=/srv/shared", unit="lipsyncfarm-worker.service")
        yield machine


def test_a_user_of_the_farm_gets_a_result_and_the_bridge_can_do_nothing_else(host: Machine) -> None:
    home = host.new_user("alice", "lipsync")
    host.run("systemctl", "start", "lipsyncd", "lipsyncfarm-worker")
    secrets = [f"LIPSYNCFARM_KEY={KEY}", f"LIPSYNCFARM_BROKER_PASSWORD={PASSWORD}"]
    token = host.run("env", *secrets, f"{PREFIX}/bin/lipsyncfarm-worker", "--token", "alice")
    own = [f"LIPSYNCFARM_TOKEN={token}", f"LIPSYNCFARM_BROKER_PASSWORD={PASSWORD}"]
    files = (str(home / "paper.wav"), str(home / "single_face.jpg"), "-o", str(home / "out.mp4"))
    farm = ("env", *own, "lipsyncctl", "--farm", "farm")
    host.run(*farm, "run", "--voice", *files, user="alice")
    assert host.inside(str(home / "out.mp4")).stat().st_size > 10_000
    assert "ready" in host.run(*farm, "hosts", user="alice")
    pid = host.show("MainPID", "lipsyncfarm-worker")
    status = host.inside(f"/proc/{pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    assert KEY not in host.run("cat", f"/proc/{pid}/cmdline", f"/proc/{pid}/environ")
    host.run("systemctl", "stop", "lipsyncfarm-worker")
    assert host.show("Result", "lipsyncfarm-worker") == "success"
