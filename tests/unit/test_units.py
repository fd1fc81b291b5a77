"""The unit files, as far as they can be judged without a systemd that runs."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "systemd"
# How an instance differs from the plain daemon.
RENAMED = {
    "lipsyncd.socket": "lipsyncd@%i.socket",
    "control.sock": "%i.sock",
    "StateDirectory=lipsyncd": "StateDirectory=lipsyncd-%i",
    "HOME=%S/lipsyncd": "HOME=%S/lipsyncd-%i",
    "lipsyncd.toml": "lipsyncd.toml --device %i",
    "render daemon": "render daemon on %i",
}


def directives(name: str) -> list[str]:
    lines = (UNITS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("kind", ["service", "socket"])
def test_an_instance_differs_from_the_plain_daemon_in_names_alone(kind: str) -> None:
    renamed = "\n".join(directives(f"lipsyncd.{kind}"))
    for plain, instance in RENAMED.items():
        renamed = renamed.replace(plain, instance)
    assert renamed.splitlines() == directives(f"lipsyncd@.{kind}")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
@pytest.mark.parametrize("name", ["lipsyncd.service", "lipsyncd@.service"])
def test_the_exposure_of_a_unit_is_at_most_1(name: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=10", UNITS / name]
    assessed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert assessed.returncode == 0, assessed.stdout[-200:]


def test_every_drop_in_says_where_it_goes() -> None:
    examples = sorted((UNITS / "drop-ins").glob("*.conf"))
    assert len(examples) == 3
    for example in examples:
        assert "/etc/systemd/system/lipsyncd.service.d/" in example.read_text(encoding="utf-8")
