"""A render in its cage makes what it makes outside of it, and takes no more than it may."""

import json
from collections.abc import Callable
from pathlib import Path

import av
import bombs
from clips import clip
from command import lipsyncctl
from made import SHIPPED, InProcess, models_of
from production import ready

from lipsyncd.config import Config
from lipsyncd.media.limits import SIDE
from lipsyncd.protocol.options import Options
from lipsyncd.render import pipeline
from lipsyncd.render.pipeline import Files
from lipsyncd.render.process import Settings

BOUND = 800 << 20  # bytes: more than a small picture takes, less than the largest
TOML = f"[limits]\nmax_render_memory_bytes = {BOUND}\n"


def packets(path: Path) -> list[tuple[int, int | None, bytes]]:
    """Each with its stream and its time."""
    with av.open(str(path)) as container:
        return [(each.stream_index, each.pts, bytes(each)) for each in container.demux()]


def test_each_packet_is_the_same_as_without_a_cage(
    render: Callable[..., Path], harbour: Path, tmp_path: Path
) -> None:
    caged = render(clip("single_face.mp4"), harbour)
    assert packets(caged) == packets(rendered_here(tmp_path, harbour))


def rendered_here(folder: Path, voice: Path) -> Path:
    """The same job in this process, which is not closed in."""
    (folder / "model").symlink_to(SHIPPED)
    chosen, limits = Config().render, Config().limits
    settings = Settings(chosen.crf, chosen.preset, chosen.detect_every, limits.max_voice_seconds)
    models = InProcess(models_of(folder / "model", 8))
    with (folder / "result").open("x+b") as result:
        list(
            pipeline.render(
                Options(), Files(clip("single_face.mp4"), voice, result), models, settings
            )
        )
    return folder / "result"


def test_a_job_that_takes_too_much_memory_has_failed_and_the_next_is_rendered(
    tmp_path: Path, word: Path
) -> None:
    (tmp_path / "large.png").write_bytes(bombs.png(SIDE, SIDE, rows=SIDE))
    with ready(tmp_path, TOML) as process:
        submit = ("--json", "run", "-a", str(word), "-o", str(tmp_path / "out.mp4"))
        full = lipsyncctl(tmp_path, *submit, str(tmp_path / "large.png"), "--box", "0,0,96,96")
        assert full.returncode == 65
        error = json.loads(full.stdout.splitlines()[-1])["job"]["error"]
        assert error["name"] == "job.memory"
        assert "0.8 GiB" in error["message"]
        assert lipsyncctl(tmp_path, *submit, str(clip("single_face.jpg"))).returncode == 0
        assert process.poll() is None
        cage = json.loads(lipsyncctl(tmp_path, "--json", "info").stdout)["cage"]
    assert cage.keys() == {"rlimits", "no_new_privs", "landlock", "seccomp"}
    assert cage["rlimits"]
    assert cage["no_new_privs"]
