"""`-` is stdin for a face or a voice, and stdout for a result: lipsyncctl stands in a pipeline."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, CompletedProcess

import pytest
from support.client.command import RENDER, lipsyncctl, messages, started
from support.daemon.inprocess import Daemon, living

MOST = 100_000  # bytes of a voice
PIECES = 3  # of what is more than a pipe holds


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that renders at once: the face, then the voice."""
    with living(tmp_path, max_voice_bytes=MOST) as daemon:
        yield daemon


def piped(directory: Path, content: str, *words: str) -> CompletedProcess[str]:
    """The command, run with this on its stdin."""
    with started(directory, *words, stdin=PIPE) as process:
        answer, notices = process.communicate(content)
        return CompletedProcess(words, process.returncode, answer, notices)


def test_a_voice_comes_on_stdin(quick: Daemon, tmp_path: Path) -> None:
    ended = piped(tmp_path, "said", "run", "-a", "-", "speaker.mp4", "-o", "out.mp4", "--json")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out.mp4").read_bytes() == b"facesaid"
    job = messages(ended.stdout)[0]["job"]
    assert (job["face"], job["voice"]) == ("speaker.mp4", "voice")


def test_a_face_comes_on_stdin(quick: Daemon, tmp_path: Path) -> None:
    content = "x" * (PIECES << 16)
    ended = piped(tmp_path, content, "run", "-a", "hello.wav", "-", "-o", "out.mp4")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out.mp4").read_text() == f"{content}voice"


def test_a_voice_on_stdin_is_for_all_faces(quick: Daemon, tmp_path: Path) -> None:
    (tmp_path / "other.mp4").write_bytes(b"other")
    ended = piped(tmp_path, "said", "submit", "-a", "-", "speaker.mp4", "other.mp4")
    results = []
    for job in ended.stdout.split():
        lipsyncctl(tmp_path, "wait", job, "-o", "out.mp4")
        results.append((tmp_path / "out.mp4").read_bytes())
    assert results == [b"facesaid", b"othersaid"]


def test_what_comes_on_stdin_is_previewed_and_probed(quick: Daemon, tmp_path: Path) -> None:
    words = ("-a", "hello.wav", "-o", "frame.png")
    ended = piped(tmp_path, "seen", "preview", "-", *words)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "frame.png").read_bytes() == b"seenvoice"
    ended = piped(tmp_path, "said", "preview", "speaker.mp4", "-a", "-", "-o", "frame.png")
    assert (tmp_path / "frame.png").read_bytes() == b"facesaid"
    ended = piped(tmp_path, "seen", "probe", "-")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout


def test_only_one_file_comes_on_stdin(quick: Daemon, tmp_path: Path) -> None:
    ended = piped(tmp_path, "said", "run", "-a", "-", "-", "-o", "out.mp4")
    assert ended.returncode == 2
    assert ended.stderr == "lipsyncctl: Only one file can come on stdin. Name the others.\n"


def test_what_is_larger_than_the_daemon_takes_is_not_read_to_its_end(
    quick: Daemon, tmp_path: Path
) -> None:
    """/dev/zero has none."""
    with open("/dev/zero", "rb") as endless:
        words = ("run", "-a", "-", "speaker.mp4", "-o", "out.mp4")
        ended = lipsyncctl(tmp_path, *words, stdin=endless)
    assert ended.returncode == 65
    assert f"More comes on stdin than {MOST} bytes, the daemon's max_voice_bytes." in ended.stderr


def test_a_result_goes_to_stdout_and_all_words_to_stderr(quick: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "-")
    assert (ended.returncode, ended.stdout) == (0, "facevoice")
    assert "<stdout>: 3 frames" in ended.stderr
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("how", [("fetch",), ("wait",), ("wait", "--any"), ("fetch", "--json")])
def test_each_verb_that_writes_a_result_writes_it_to_stdout(
    quick: Daemon, tmp_path: Path, how: tuple[str, ...]
) -> None:
    job = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    lipsyncctl(tmp_path, "wait", job)
    ended = lipsyncctl(tmp_path, *how, job, "-o", "-")
    assert (ended.returncode, ended.stdout) == (0, "facevoice")
    assert ended.stderr


def test_a_reader_that_goes_away_ends_it_without_a_traceback(quick: Daemon, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "-", stdout=writer)
    os.close(writer)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_a_terminal_neither_takes_a_result_nor_gives_a_file(quick: Daemon, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    ended = lipsyncctl(tmp_path, "run", *RENDER, "-o", "-", stdout=theirs)
    assert (ended.returncode, "which is a terminal" in ended.stderr) == (2, True)
    words = ("run", "-a", "-", "speaker.mp4", "-o", "out.mp4")
    ended = lipsyncctl(tmp_path, *words, stdin=theirs)
    assert (ended.returncode, "which is a terminal" in ended.stderr) == (2, True)
    os.close(ours)
    os.close(theirs)
    with quick.client() as client:
        assert client.ask("list")["jobs"] == []
