"""The unit files, as far as they can be judged without a systemd that runs."""

import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest

from lipsyncd.config import Render
from lipsyncd.server.server import MAX_SESSIONS
from lipsyncd.system.crashlimit import FINAL

UNITS = Path(__file__).resolve().parents[2] / "systemd"
# How an instance differs from the plain daemon.
RENAMED = {
    "lipsyncd.socket": "lipsyncd@%i.socket",
    "lipsyncd.service": "lipsyncd@%i.service",
    "control.sock": "%i.sock",
    "StateDirectory=lipsyncd": "StateDirectory=lipsyncd-%i",
    "HOME=%S/lipsyncd": "HOME=%S/lipsyncd-%i",
    "/lipsyncd.toml": "/lipsyncd.toml --device %i",
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


def test_a_unit_has_room_for_the_threads_of_the_largest_machine() -> None:
    """x264 has at most 128 threads (X264_THREAD_MAX) and 16 of its lookahead beside the one that
    leads them, libav's decoders 16 (MAX_AUTO_THREADS)."""
    allowed = Render.__dataclass_fields__["max_active"].metadata["values"]
    renders = next(number for number in count(1) if number + 1 not in allowed)
    of_a_render = 128 + 17 + 16 + 4
    of_libraries = 4 * 256  # PyTorch, OpenCV, and the BLAS of NumPy and of SciPy
    needed = renders * of_a_render + MAX_SESSIONS + of_libraries
    (most,) = (line for line in directives("lipsyncd.service") if line.startswith("TasksMax="))
    assert needed <= int(most.removeprefix("TasksMax=")) < 2 * needed


def test_what_ends_the_daemon_for_good_is_not_started_again_by_the_unit() -> None:
    (codes,) = (line for line in directives("lipsyncd.service") if "PreventExitStatus=" in line)
    assert {*map(int, codes.partition("=")[2].split())} == FINAL


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
@pytest.mark.parametrize(
    "name, most",
    [
        ("lipsyncd.service", 10),
        ("lipsyncd@.service", 10),
        ("lipsyncfarm-worker.service", 13),  # it has a network
        ("lipsyncweb.service", 10),
    ],
)
def test_the_exposure_of_a_unit_is_low(name: str, most: int) -> None:
    threshold = f"--threshold={most}"
    command = ["systemd-analyze", "security", "--offline=true", threshold, UNITS / name]
    assessed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert assessed.returncode == 0, assessed.stdout[-200:]


def test_every_drop_in_says_where_it_goes() -> None:
    examples = sorted((UNITS / "drop-ins").glob("*.conf"))
    assert len(examples) == 3
    for example in examples:
        assert "/etc/systemd/system/lipsyncd.service.d/" in example.read_text(encoding="utf-8")
