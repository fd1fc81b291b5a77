"""Probes and previews by real models in their cage; nothing of them stays, whoever dies."""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.client.command import Process, lipsyncctl, messages, started
from support.daemon.process import DaemonProcess, children, ready
from support.daemon.served import answer, child
from support.media.clips import clip

from lipsyncd.media.source import examine_source
from lipsyncd.render.preview import pixels_of

NUMBER = 100  # of a frame, which comes after the end of the video


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("preflight")


@pytest.fixture(scope="module")
def process(directory: Path) -> Iterator[DaemonProcess]:
    """A daemon of its own, which the last test kills."""
    with ready(directory) as process:
        yield process


@pytest.fixture
def words(process: DaemonProcess, harbour: Path) -> tuple[str, ...]:
    """A face and a voice for it."""
    return str(clip("single_face.mp4")), "-a", str(harbour)


def held(directory: Path, *words: str) -> AbstractContextManager[Process]:
    """A preview that takes a while."""
    return started(directory, "--json", "preview", *words, "--strip", "16", "-o", "strip.png")


def wait_for_end(process: DaemonProcess, title: str) -> None:
    while any(each.startswith(f"lipsyncd: {title}") for each in children(process.pid).values()):
        time.sleep(0.01)


def spooled(directory: Path) -> list[str]:
    return os.listdir(directory / "state/spool")


def test_a_preview_is_the_frame_that_the_render_writes(
    directory: Path, words: tuple[str, ...]
) -> None:
    result, picture = directory / "result.mp4", directory / "frame.png"
    options = ("--expression", "1.2", "--crf", "0")  # without loss
    assert lipsyncctl(directory, "run", *words, *options, "-o", str(result)).returncode == 0
    source = examine_source(result, "The result")
    frame = next(islice(source.frames(), NUMBER, None))
    at = f"{float(NUMBER / source.rate) + 0.01:.3f}"
    done = lipsyncctl(directory, "preview", *words, *options, "--at", at, "-o", str(picture))
    assert done.returncode == 0, done.stderr
    seen = cv2.imread(str(picture))
    np.testing.assert_array_equal(seen, pixels_of(frame.picture, source.colour))


def test_a_probe_tells_what_became_of_a_render_before_it(
    directory: Path, words: tuple[str, ...]
) -> None:
    job = answer(directory, "submit", *words)["job"]["id"]
    assert lipsyncctl(directory, "wait", job).returncode == 0
    rendered = answer(directory, "status", job)["job"]
    told = answer(directory, "probe", *words)
    assert told["frames"] == rendered["total"]
    assert 0 < told["render_seconds"] < 300
    assert told["coverage"] == rendered["faces"] / rendered["total"] == 1.0
    assert told["error"] is None


def test_a_face_that_no_render_would_take_is_an_exit_code(
    directory: Path, process: DaemonProcess, harbour: Path
) -> None:
    told = lipsyncctl(directory, "probe", str(clip("no_face.mp4")), "-a", str(harbour))
    assert told.returncode == 65
    assert "A render would fail. No face was found" in told.stdout
    ended = lipsyncctl(
        directory, "preview", str(clip("no_face.mp4")), "-a", str(harbour), "-o", "frame.png"
    )
    assert ended.returncode == 65
    assert ended.stderr.startswith("lipsyncctl: No face was found")


def test_of_a_process_that_is_killed_there_is_an_error_and_the_next_is_answered(
    directory: Path, process: DaemonProcess, words: tuple[str, ...]
) -> None:
    with held(directory, *words) as command:
        os.kill(child(process, "preview"), signal.SIGKILL)
        said, _ = command.communicate()
    (error,) = messages(said)
    assert (command.returncode, error["name"]) == (65, "job.memory")
    assert not (directory / "strip.png").exists()
    assert answer(directory, "probe", *words)["error"] is None


def test_with_a_client_that_is_killed_its_process_ends(
    directory: Path, process: DaemonProcess, words: tuple[str, ...]
) -> None:
    with held(directory, *words) as command:
        os.kill(child(process, "preview"), signal.SIGSTOP)  # it would take for ever
        command.kill()
        wait_for_end(process, "preview")
    assert answer(directory, "probe", *words)["error"] is None


def test_with_a_daemon_that_is_killed_its_process_ends_and_no_file_stays(
    directory: Path, process: DaemonProcess, words: tuple[str, ...]
) -> None:
    before = spooled(directory)  # results of jobs
    with held(directory, *words):
        pid = child(process, "preview")
        ending = os.pidfd_open(pid)
        os.kill(pid, signal.SIGSTOP)
        process.end(signal.SIGKILL)
        select.select([ending], [], [])
        os.close(ending)
    assert spooled(directory) == before
