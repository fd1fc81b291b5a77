"""`lipsyncctl` as a library: what a program gets from it, against a real daemon."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, at_once, endless, raising
from support.daemon.stepped import stepped_daemon
from support.paths import ROOT

from lipsyncctl import Client, Event, TimeIsUp
from lipsyncctl.client import follow
from lipsyncctl.client.session import open_session
from lipsyncd.errors import (
    InvalidRequest,
    JobNotEnded,
    NoFace,
    NotAFile,
    NotRetryable,
    QueueDraining,
    ServerUnreachable,
    UnknownJob,
    UnreadableMedia,
)
from lipsyncd.protocol.options import Options

NO_FACE = NoFace("No face was found in any frame.", "Choose another clip.")


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """A face and a voice."""
    (tmp_path / "speaker.mp4").write_bytes(b"face")
    (tmp_path / "hello.wav").write_bytes(b"voice")
    return tmp_path / "speaker.mp4", tmp_path / "hello.wav"


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon whose jobs end by themselves."""
    with living(tmp_path, at_once) as daemon:
        yield daemon


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Client]:
    """A client of the daemon that lives in the folder of the test."""
    with Client(tmp_path / "control.sock") as client:
        yield client


def changes(events: Iterator[Event], count: int) -> list[tuple[str, str]]:
    return [(event.job.id, event.job.state) for event in islice(events, count)]


def test_the_example_in_the_readme_renders_a_job(quick: Daemon, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"```python\n(from lipsyncctl import.*?)```", readme, re.DOTALL)
    env = os.environ | {
        "LIPSYNCD_SOCKET": str(quick.config.socket),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "daemon"), str(ROOT / "ctl")]),
    }
    words = [sys.executable, "-c", example]
    ended = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert all(re.fullmatch(r"\d+ \d+", line) for line in ended.stdout.splitlines())
    assert (tmp_path / "spoken.mp4").read_bytes() == b"facevoice"


def test_a_job_goes_in_and_its_result_comes_out(
    quick: Daemon, library: Client, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    job = library.submit(*inputs, blend="box", box=(1, 2, 30, 40), priority="low", crf=None)
    assert (job.face, job.voice, job.owner) == ("speaker.mp4", "hello.wav", os.getuid())
    given = {"blend": "box", "extend": "pingpong", "box": [1, 2, 30, 40], "crf": None}
    assert job["options"] == Options().as_map() | given
    ended = library.wait(job.id)
    assert (ended.state, ended.is_ended, ended.done, ended.error) == ("succeeded", True, 3, None)
    assert library.fetch(job.id, tmp_path / "out.mp4").message["size"] == 9
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"
    assert library.status(job.id).state == "succeeded"
    assert [each.id for each in library.list()] == [job.id]


def test_a_program_hands_in_jobs_for_many_and_sees_those_of_each(
    quick: Daemon, library: Client, inputs: tuple[Path, Path]
) -> None:
    hers, his = (library.submit(*inputs, key="1", label=label) for label in ("anna", "ben"))
    other = library.submit(*inputs, key="1")
    assert [each.label for each in (hers, his, other)] == ["anna", "ben", ""]
    assert {each.owner for each in (hers, his, other)} == {os.getuid()}
    assert library.submit(*inputs, key="1", label="anna").id == hers.id
    assert [each.id for each in library.list(label="anna")] == [hers.id]
    assert [each.id for each in library.list()] == [hers.id, his.id, other.id]
    with pytest.raises(InvalidRequest, match="label is 1 to 64 printable characters"):
        library.submit(*inputs, label="anna\n")


def test_open_files_are_taken_as_well_as_paths(
    quick: Daemon, library: Client, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    with inputs[0].open("rb") as face, inputs[1].open("rb") as voice:
        job = library.submit(face, voice)
    assert (job.face, job.voice) == ("speaker.mp4", "hello.wav")
    library.wait(job.id)
    library.fetch(job.id, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"


def test_the_same_key_is_the_same_job(
    quick: Daemon, library: Client, inputs: tuple[Path, Path]
) -> None:
    assert library.submit(*inputs, key="one").id == library.submit(*inputs, key="one").id
    assert library.submit(*inputs).id != library.submit(*inputs).id


def test_progress_is_heard_until_the_end(
    daemon: Daemon, library: Client, gate: Gate, inputs: tuple[Path, Path]
) -> None:
    job, heard = library.submit(*inputs), []

    def hear(job: Any) -> None:
        heard.append(job.state)
        gate.let_go(3)

    assert library.wait(job.id, on_progress=hear).state == "succeeded"
    assert heard
    assert "succeeded" not in heard


@pytest.mark.parametrize("how", ["wait", "wait_any"])
def test_a_wait_ends_in_time_in_any_thread_and_the_job_goes_on(
    daemon: Daemon, library: Client, gate: Gate, inputs: tuple[Path, Path], how: str
) -> None:
    job, raised, notices = library.submit(*inputs).id, [], []
    library.on_notice = notices.append

    def wait() -> None:
        try:
            library.wait(job, 0.2) if how == "wait" else library.wait_any([job], 0.2)
        except TimeIsUp as error:
            raised.append(error)

    thread = threading.Thread(target=wait)  # where no signal could end it
    thread.start()
    thread.join()
    assert isinstance(raised[0], TimeoutError)
    assert notices == []  # the daemon was there all the time
    gate.let_go()
    assert library.wait(job, 60).state == "succeeded"


def test_the_first_of_several_is_told_once_it_has_ended(
    daemon: Daemon, library: Client, gate: Gate, inputs: tuple[Path, Path]
) -> None:
    jobs = [library.submit(*inputs).id for _ in range(2)]
    gate.let_go()
    assert library.wait_any(jobs).id == jobs[0]


def test_a_wait_survives_the_death_of_the_daemon_and_tells_of_it(
    tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    notices: list[str] = []
    away = threading.Event()

    def hear(words: str) -> None:
        notices.append(words)
        if "Trying again for up to 60 s." in words:
            away.set()

    client = Client(tmp_path / "control.sock", hear)
    with stepped_daemon(tmp_path) as daemon:
        job, ended = client.submit(*inputs), []
        thread = threading.Thread(target=lambda: ended.append(client.wait(job.id)))
        daemon.come_to("step 1")
        thread.start()
        daemon.end(signal.SIGKILL)
    away.wait()
    with living(tmp_path):
        thread.join()
        client.fetch(job.id, tmp_path / "out.mp4", survive_restart=True)
    assert [each.state for each in ended] == ["succeeded"]
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"


def test_what_happens_after_follow_was_called_is_told_and_nothing_before(
    quick: Daemon, library: Client, inputs: tuple[Path, Path]
) -> None:
    library.wait(library.submit(*inputs).id)
    events = library.follow()
    job = library.submit(*inputs).id
    assert changes(events, 3) == [(job, state) for state in ("queued", "running", "succeeded")]


def test_follow_returns_once_the_daemon_listens_to_what_it_asks(
    quick: Daemon, library: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned, is_early = threading.Event(), []

    def open_late(*how: Any, **also: Any) -> Any:
        is_early.append(returned.wait(0.5))
        return open_session(*how, **also)

    monkeypatch.setattr(follow, "open_session", open_late)
    library.follow()
    returned.set()
    assert is_early == [False]


def test_of_named_jobs_the_present_is_told_then_each_change_to_the_end(
    daemon: Daemon, library: Client, gate: Gate, inputs: tuple[Path, Path]
) -> None:
    job = library.submit(*inputs).id
    gate.at.get()
    events = library.follow(jobs=[job])
    first = next(events)
    assert (first.job.state, first.is_change) == ("running", False)
    gate.let_go()
    (last,) = events
    assert (last.job.state, last.is_change) == ("succeeded", True)
    assert last.seq > first.seq
    assert [event.job.state for event in library.follow(first.seq, [job])] == ["succeeded"]


def test_leaving_the_context_ends_a_follow_in_another_thread_and_its_listening(
    quick: Daemon, tmp_path: Path
) -> None:
    before = set(threading.enumerate())
    with Client(tmp_path / "control.sock") as client:
        events, told = client.follow(), []
        thread = threading.Thread(target=lambda: told.extend(events))
        thread.start()
    thread.join()
    assert told == []
    for each in set(threading.enumerate()) - before:
        if each.name.endswith("(_listen)"):
            each.join()


def test_failures_are_the_errors_of_lipsyncd(
    daemon: Daemon, library: Client, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(UnreadableMedia):
        library.submit(tmp_path / "missing.mp4", inputs[1])
    with pytest.raises(NotAFile):
        library.submit(tmp_path, inputs[1])
    with pytest.raises(NotAFile), open("/dev/null", "rb") as device:
        library.submit(device, inputs[1])
    with pytest.raises(InvalidRequest):
        library.submit(*inputs, colour="red")
    job = library.submit(*inputs).id
    with pytest.raises(JobNotEnded):
        library.fetch(job, tmp_path / "out.mp4")
    with pytest.raises(InvalidRequest):
        library.fetch(job, tmp_path / "missing/out.mp4")
    with pytest.raises(NotRetryable):
        library.retry(job)
    for ask in (library.status, library.wait, library.cancel, library.retry, library.clean):
        with pytest.raises(UnknownJob):
            ask("nothing")


def test_a_job_that_failed_has_its_error_to_be_raised(
    tmp_path: Path, library: Client, inputs: tuple[Path, Path]
) -> None:
    with living(tmp_path, raising(NO_FACE)):
        ended = library.wait(library.submit(*inputs).id)
        assert isinstance(ended.error, NoFace)
        assert ended.error.hint == NO_FACE.hint
        assert library.wait(library.retry(ended.id).id)["retry_of"] == ended.id


def test_jobs_can_be_cancelled_and_removed(
    tmp_path: Path, library: Client, inputs: tuple[Path, Path]
) -> None:
    with living(tmp_path, endless):
        jobs = [library.submit(*inputs).id for _ in range(3)]
        assert [library.cancel(job).state for job in jobs] == ["cancelled"] * 3
        assert library.clean(jobs[0])["jobs"] == 1
        assert library.clean()["jobs"] == 2
        assert library.list() == []


def test_the_daemon_itself_is_asked_and_told(
    quick: Daemon, library: Client, inputs: tuple[Path, Path]
) -> None:
    quick.is_ready.wait()
    assert library.health()["ready"]
    assert library.info()["pid"] == os.getpid()
    assert library.reload()["detail"] == "nothing is loaded anew"
    assert library.drain("new disks")["running"] == 0
    with pytest.raises(QueueDraining):
        library.submit(*inputs)
    assert library.resume()["queued"] == 0
    assert library.submit(*inputs).state == "queued"


def test_the_library_says_nothing_by_itself(
    quick: Daemon, inputs: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    handler = signal.getsignal(signal.SIGALRM)
    client = Client(tmp_path / "control.sock")
    client.fetch(client.wait(client.submit(*inputs).id, 60).id, tmp_path / "out.avi")
    with pytest.raises(ServerUnreachable):
        Client(tmp_path / "nowhere.sock").health()
    out, err = capfd.readouterr()
    assert out == ""
    assert [line for line in err.splitlines() if "lipsyncctl" in line] == []
    assert signal.getsignal(signal.SIGALRM) is handler
