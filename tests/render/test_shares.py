"""A long result is made in shares, wherever there is room, and joined by one that has them all."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from support.checkpoints import random_generator, write_safetensors
from support.client.command import lipsyncctl
from support.daemon.process import ready
from support.daemon.served import Daemon

from lipsyncd.render.work import Kind, found_in

SECONDS, FRAMES = 15.2, 380  # which are two parts
OPTIONS = ("--crf", "51", "--blend", "box")
OTHER = ("--crf", "50", "--blend", "box")
PLAN = "0-0/1"


@pytest.fixture(scope="module")
def daemon(
    tmp_path_factory: pytest.TempPathFactory, made: Path, speak: Callable[[float], Path]
) -> Iterator[Daemon]:
    weights = write_safetensors(made / "shares.safetensors", random_generator())
    folder = tmp_path_factory.mktemp("shares")
    with ready(folder, f'checkpoint = "{weights}"\n[render]\nprocesses = 1\n') as process:
        yield Daemon(folder, process, speak(SECONDS))
        assert "Traceback" not in process.log


def result(daemon: Daemon, face: Path, *options: str, work: bytes = b"") -> bytes:
    """What comes of a job that goes on from this work, byte by byte."""
    file = daemon.directory / "work"
    file.write_bytes(work)
    given = ("--work", str(file)) if work else ()
    job = daemon.submit(*options, *given, face=face)
    ended = daemon.end_of(job)
    assert (ended["state"], ended["total"]) == ("succeeded", FRAMES), ended
    made = daemon.directory / "result.mp4"
    assert lipsyncctl(daemon.directory, "fetch", job, "-o", str(made)).returncode == 0
    return made.read_bytes()


def test_shares_that_are_joined_are_the_bytes_of_one_job(daemon: Daemon, neutral: Path) -> None:
    """What was made otherwise, or is no work, is not used, and what is missing is made then."""
    wanted = result(daemon, neutral, *OPTIONS)
    plan = result(daemon, neutral, *OPTIONS, "--share", PLAN)
    first, second = (
        result(daemon, neutral, *OPTIONS, "--share", share, work=plan)
        for share in ("0-1/2", "1-2/2")
    )
    assert result(daemon, neutral, *OPTIONS, work=plan + second + first) == wanted
    assert f"goes on after {FRAMES} of {FRAMES} frames" in daemon.process.log
    other = result(daemon, neutral, *OTHER, "--share", "1-2/2", work=plan)
    incomplete = plan + first + other + b"garbage" * 100
    assert result(daemon, neutral, *OPTIONS, work=incomplete) == wanted


def test_a_plan_that_no_render_has_written_fails_its_job_by_name(
    daemon: Daemon, neutral: Path
) -> None:
    plan = bytearray(result(daemon, neutral, *OPTIONS, "--share", PLAN))
    for record in found_in(BytesIO(plan)):
        if record.kind is Kind.PLAN:
            plan[record.start : record.stop] = b"\xc0" * (record.stop - record.start)
    file = daemon.directory / "damaged"
    file.write_bytes(plan)
    ended = daemon.end_of(daemon.submit(*OPTIONS, "--work", str(file), face=neutral))
    assert (ended["state"], ended["error"]["name"]) == ("failed", "request.invalid")
