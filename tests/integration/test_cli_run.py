"""`lipsyncctl run`: from the files to the result in one command."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages, started
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import at_once, raising

from lipsyncctl.main import main
from lipsyncd.errors import DeviceUnavailable, NoFace
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.wire import Kind


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that renders at once, living as long as the test."""
    with living(tmp_path, at_once) as daemon:
        yield daemon


def jobs_of(daemon: Daemon) -> list[dict[str, object]]:
    with daemon.client() as client:
        return client.ask("list")["jobs"]


def test_run_writes_the_result_and_says_so_in_one_line(quick: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.mp4")
    assert ended.returncode == 0
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"
    (line,) = ended.stdout.splitlines()
    assert line.startswith("out.mp4: 3 frames (a face in 2) in ")
    assert line.endswith("fps")


def test_run_leaves_nothing_beside_the_result(quick: Daemon, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    lipsyncctl(tmp_path, "run", *RENDER, "-o", "results/out.mp4")
    assert os.listdir(tmp_path / "results") == ["out.mp4"]


def test_the_result_has_the_permissions_of_a_new_file(quick: Daemon, tmp_path: Path) -> None:
    lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.mp4", umask=0o027)
    assert (tmp_path / "out.mp4").stat().st_mode & 0o777 == 0o640


def test_run_replaces_what_a_link_points_to_and_keeps_the_link(
    quick: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "old.mp4").write_bytes(b"old")
    (tmp_path / "link.mp4").symlink_to("old.mp4")
    lipsyncctl(tmp_path, "run", *RENDER, "-o", "link.mp4")
    assert (tmp_path / "link.mp4").is_symlink()
    assert (tmp_path / "old.mp4").read_bytes() == b"facevoice"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link of somebody else")
def test_run_does_not_follow_a_strangers_link_in_a_shared_folder(
    quick: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "x.mp4").symlink_to(tmp_path / "mine")
    os.lchown(shared / "x.mp4", 4001, 4001)
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "shared/x.mp4")
    assert ended.returncode == 2
    assert "uid 4001" in ended.stderr
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert jobs_of(quick) == []


def test_run_answers_with_the_messages_of_the_wire(quick: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "run", "--json", *RENDER, "-o", "out.mp4")
    answer = messages(ended.stdout)
    verbs = [message["verb"] for message in answer if message["verb"] != "progressed"]
    assert verbs == ["accepted", "finished", "fetched"]
    assert answer[-2]["job"]["state"] == "succeeded"
    assert (answer[-1]["size"], answer[-1]["path"]) == (9, str(tmp_path / "out.mp4"))


def test_run_hands_over_names_and_options(quick: Daemon, tmp_path: Path) -> None:
    options = ["--blend", "box", "--extend", "loop", "--box", "1,2,30,40", "--crf", "20"]
    lipsyncctl(tmp_path, "run", *RENDER, *options, "-o", "out.mp4")
    (job,) = jobs_of(quick)
    assert (job["face"], job["voice"]) == ("speaker.mp4", "hello.wav")
    given = {"blend": "box", "extend": "loop", "box": [1, 2, 30, 40], "crf": 20}
    assert job["options"] == Options().as_map() | given


@pytest.mark.parametrize(
    "output, reason",
    [
        ("", "-o takes the name of a file."),
        ("x" * 256, "The result's name has more than 255 bytes."),
        ("missing/out.mp4", "does not exist"),
        (".", "not a regular file"),
        ("/dev/null", "not a regular file"),
        ("./speaker.mp4", "is an input"),
    ],
)
def test_run_refuses_an_output_it_could_not_write_before_it_submits(
    quick: Daemon, tmp_path: Path, output: str, reason: str
) -> None:
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", output)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert jobs_of(quick) == []


def test_a_folder_is_no_input_but_what_is_in_it_may_be(quick: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "run", "-a", "hello.wav", "/tmp", "-o", "out.mp4")
    assert ended.stderr == "lipsyncctl: /tmp is a folder. Name a file in it.\n"


@pytest.mark.parametrize("name", ["missing.mp4", ".", "/dev/zero"])
def test_an_input_that_is_no_file_is_refused_by_its_name(
    quick: Daemon, tmp_path: Path, name: str
) -> None:
    ended = lipsyncctl(tmp_path, "run", "-a", "hello.wav", name, "-o", "out.mp4")
    assert ended.returncode == 65
    assert ended.stderr.startswith(f"lipsyncctl: {name} ")
    assert jobs_of(quick) == []


@pytest.mark.parametrize(
    "error, code",
    [
        (NoFace("No face was found in any frame.", "Choose another clip."), 65),
        (DeviceUnavailable("The GPU is gone.", "Look for it."), 1),
    ],
)
def test_a_failed_job_tells_why_and_whose_fault_it_is(
    tmp_path: Path, error: NoFace | DeviceUnavailable, code: int
) -> None:
    with living(tmp_path, raising(error)):
        ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.mp4")
    assert ended.returncode == code
    assert ended.stderr.endswith(f"failed. {error.message} {error.hint}\n")
    assert ended.stdout == ""
    assert not (tmp_path / "out.mp4").exists()


def test_a_result_that_does_not_fit_leaves_the_old_one_and_stays_with_the_daemon(
    quick: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results/out.mp4").write_bytes(b"old")
    small = ("prlimit", "--fsize=4")
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "results/out.mp4", prefix=small)
    assert ended.returncode == 2
    assert os.listdir(tmp_path / "results") == ["out.mp4"]
    assert (tmp_path / "results/out.mp4").read_bytes() == b"old"
    (job,) = jobs_of(quick)
    assert f"lipsyncctl wait {job['id']} -o results/out.mp4" in ended.stderr


def test_run_waits_for_a_daemon_that_is_just_starting(tmp_path: Path) -> None:
    with started(tmp_path, "run", *RENDER, "-o", "out.mp4") as process, living(tmp_path):
        assert process.wait() == 0


def test_without_a_daemon_run_tells_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    elsewhere = tmp_path / "nowhere/control.sock"
    ended = lipsyncctl(tmp_path, "--socket", str(elsewhere), "run", *RENDER, "-o", "out.mp4")
    assert ended.returncode == 7
    assert f"no socket at {elsewhere}. " in ended.stderr
    assert f"`lipsyncd --socket {elsewhere}`" in ended.stderr


def test_run_says_at_once_that_it_waits_for_a_daemon(tmp_path: Path) -> None:
    with started(tmp_path, "run", *RENDER, "-o", "out.mp4") as process:
        assert "Waiting up to 5 s for one." in (process.stderr.readline() if process.stderr else "")
        with living(tmp_path, at_once):
            assert process.wait() == 0


@pytest.mark.parametrize(
    "name, format",
    [
        ("out.mp4", "mp4"),
        ("out.MOV", "mov"),
        ("out.mkv", "mkv"),
        ("a.b.webm", "webm"),
        ("o", "mp4"),
    ],
)
def test_a_result_has_the_format_that_its_name_promises(
    quick: Daemon, tmp_path: Path, name: str, format: str
) -> None:
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", name)
    assert (ended.returncode, "whatever" in ended.stderr) == (0, False)
    (job,) = jobs_of(quick)
    assert job["options"]["format"] == format


def test_an_ending_that_is_of_no_format_is_told(quick: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.avi")
    assert ended.returncode == 0
    told = "A result is one of MP4, MOV, MKV, WebM, whatever the ending .avi says."
    assert told in ended.stderr


def test_a_name_that_promises_another_format_is_refused(quick: Daemon, tmp_path: Path) -> None:
    refused = lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.mp4", "--format", "mkv")
    words = "lipsyncctl: out.mp4 is a name for MP4, and the result is MKV. Name it out.mkv.\n"
    assert (refused.returncode, refused.stderr) == (2, words)
    assert jobs_of(quick) == []
    job = lipsyncctl(tmp_path, "submit", *RENDER, "--format", "webm").stdout.strip()
    lipsyncctl(tmp_path, "wait", job)
    refused = lipsyncctl(tmp_path, "fetch", job, "-o", "out.mp4")
    words = "lipsyncctl: out.mp4 is a name for MP4, and the result is WebM. Name it out.webm.\n"
    assert (refused.returncode, refused.stderr) == (2, words)
    assert not (tmp_path / "out.mp4").exists()
    assert lipsyncctl(tmp_path, "fetch", job, "-o", "out.webm").returncode == 0


def test_a_codec_that_the_format_does_not_take_is_refused(quick: Daemon, tmp_path: Path) -> None:
    refused = lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.webm", "--codec", "h264")
    assert refused.returncode == 2
    assert "webm takes vp9 and av1, not h264." in refused.stderr
    assert jobs_of(quick) == []


def test_an_error_about_one_job_names_it_for_programs(quick: Daemon, tmp_path: Path) -> None:
    (alone,) = messages(lipsyncctl(tmp_path, "--json", "status", "nothing").stdout)
    several = messages(lipsyncctl(tmp_path, "--json", "cancel", "one", "two").stdout)
    assert [error["job"] for error in (alone, *several)] == ["nothing", "one", "two"]


def test_a_daemon_that_dies_before_it_accepts_and_stays_away_leaves_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lipsyncctl.client.outage.ENDURANCE", 0.2)  # instead of a minute
    monkeypatch.setattr("lipsyncctl.client.submit.STARTING", 0.0)
    monkeypatch.chdir(tmp_path)
    for name in ("speaker.mp4", "hello.wav"):
        (tmp_path / name).write_bytes(b"media")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("control.sock")
        listener.listen()
        daemon = threading.Thread(target=die_at_submit, args=[listener])
        daemon.start()
        words = ["--socket", "control.sock", "run", *RENDER, "-o", "out.mp4"]
        monkeypatch.setattr("sys.argv", ["lipsyncctl", *words])
        assert main() == 7
        daemon.join()
    notices = capsys.readouterr().err
    assert re.search(r"It may have taken the job\. `--key auto-\w+` repeats this", notices)


def die_at_submit(listener: socket.socket) -> None:
    with Connection(listener.accept()[0]) as connection:
        connection.receive()
        welcome = {"verb": "welcomed", "id": 1, "version": 1, "state": "ready"}
        connection.send(Kind.REPLY, welcome)
        with connection.receive() as request:
            assert request.body["verb"] == "submit"
    listener.close()
