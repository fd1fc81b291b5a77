"""A render in its cage gets nowhere, makes what it makes outside of it, and takes what it may."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

import pytest
import torch
from support.cage.escapes import REFUSED
from support.checkpoints import SHIPPED, InProcess, models_of
from support.daemon.process import ready
from support.daemon.served import Daemon, answer, child, packets
from support.media import bombs
from support.media.clips import clip
from support.paths import ROOT

from lipsyncd.config import Config
from lipsyncd.media.limits import SIDE
from lipsyncd.protocol.options import Options
from lipsyncd.render import pipeline
from lipsyncd.render.process import Settings
from lipsyncd.render.scene import Files

BOUND = 800 << 20  # bytes: more than a small picture takes, less than the largest
TOML = f"[limits]\nmax_render_memory_bytes = {BOUND}\n"


@pytest.fixture
def escaping(tmp_path: Path, harbour: Path) -> Iterator[Daemon]:
    """A daemon whose renders of the worst quality try to get out."""
    (tmp_path / "sitecustomize.py").symlink_to(ROOT / "tests/support/daemon/faults.py")
    paths = os.pathsep.join(map(str, (tmp_path, ROOT / "daemon", ROOT / "tests")))
    with ready(tmp_path, PYTHONPATH=paths, FAULT="escaping_render") as process:
        yield Daemon(tmp_path, process, harbour)


def test_a_render_reaches_neither_files_nor_programs_nor_the_daemon_nor_another_render(
    escaping: Daemon, wanted: str
) -> None:
    job = escaping.rendering()
    neighbour = child(escaping.process, f"render {job}")
    os.kill(neighbour, signal.SIGSTOP)  # so that it is still there
    (escaping.directory / "neighbour").write_text(str(neighbour))
    assert escaping.end_of(escaping.submit("--crf", "51"))["state"] == "succeeded"
    os.kill(neighbour, signal.SIGCONT)
    said = (escaping.directory / "log").read_text().partition("fault: ")[2]
    outcomes = json.loads(said.splitlines()[0].split(maxsplit=1)[1])
    assert len(outcomes) > 90
    assert {what: how for what, how in outcomes.items() if how not in REFUSED} == {}
    assert escaping.result_of(job) == wanted


def test_each_packet_is_the_same_as_without_a_cage(
    tmp_path: Path, harbour: Path, wanted: str
) -> None:
    assert packets(rendered_here(tmp_path, harbour)) == wanted


def rendered_here(folder: Path, voice: Path) -> Path:
    """The same job in this process, which is not closed in."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # as a device's process: sums depend on it
    (folder / "model").symlink_to(SHIPPED)
    chosen, limits = Config().render, Config().limits
    settings = Settings(chosen.crf, chosen.preset, chosen.detect_every, limits.max_voice_seconds)
    models = InProcess(models_of(folder / "model", 8))
    with (folder / "result").open("x+b") as result, TemporaryFile() as work:
        files = Files(clip("single_face.mp4"), (voice,), result, work)
        for _ in pipeline.render(Options(), files, models, settings):
            pass
    return folder / "result"


def test_a_render_that_takes_too_much_memory_has_failed_and_its_neighbour_does_not_notice(
    tmp_path: Path, harbour: Path, wanted: str
) -> None:
    (tmp_path / "large.png").write_bytes(bombs.png(SIDE, SIDE, rows=SIDE))
    with ready(tmp_path, TOML) as process:
        served = Daemon(tmp_path, process, harbour)
        other = served.rendering()
        full = served.submit("--box", "0,0,96,96", face=tmp_path / "large.png")
        error = served.end_of(full)["error"]
        assert error["name"] == "job.memory", error
        assert "has used 0." in error["message"]
        assert "may ask for 0.8 GiB" in error["message"]
        assert served.result_of(other) == wanted
        assert f"job {full}" in (tmp_path / "log").read_text()


def test_info_says_what_holds_renders_in(daemon: Path) -> None:
    cage = answer(daemon, "info")["cage"]
    assert cage.keys() == {"oom_score_adj", "rlimits", "no_new_privs", "landlock", "seccomp"}
    assert cage["oom_score_adj"] == 500
    assert cage["rlimits"]
    assert cage["no_new_privs"]
