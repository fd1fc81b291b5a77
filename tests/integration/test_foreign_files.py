"""Files of a mount that does not answer hold a process of their own, and never the daemon."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.process import children
from support.daemon.stepped import stepped_daemon
from support.disk.fuse import WRITEBACK_CACHE, Ask, Mount, mounted

from lipsyncd.errors import InputStalled, InternalError, InvalidRequest, SessionsFull
from lipsyncd.processes import intake
from lipsyncd.server import server

NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}
SECONDS = 0.3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are given up soon."""
    monkeypatch.setattr(intake, "SILENCE_SECONDS", SECONDS)


def submit(client: Client, mount: Mount) -> None:
    """A face that is on the mount."""
    with open(mount.open()) as face, open(__file__) as voice:
        client.say("submit", (face.fileno(), voice.fileno()), **NAMES)


def sessions() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "session"]


def files_of(process: int) -> list[str]:
    """What a process has open."""
    folder = Path(f"/proc/{process}/fd")
    return [os.readlink(each) for each in folder.iterdir()]


def called(title: str, parent: int) -> list[int]:
    """The processes below one that are called so."""
    return [process for process, name in children(parent).items() if name == title]


def intake_template(daemon: int) -> int:
    """The process that forks those which hold files of clients."""
    (template,) = called("lipsyncd: intake template", daemon)
    return template


@pytest.mark.parametrize("never", [Ask.READ, Ask.FLUSH, Ask.GETATTR])
def test_a_file_that_does_not_answer_is_given_up_and_others_are_served(
    tmp_path: Path, impatient: None, never: Ask
) -> None:
    with (
        living(tmp_path) as daemon,
        mounted(tmp_path / "mount", never) as mount,
        daemon.client() as client,
    ):
        submit(client, mount)
        mount.asked.get()
        with daemon.client() as other:
            other.end_of(other.submit(tmp_path))
        with pytest.raises(InputStalled, match="Nothing came of the files"):
            client.hear()
        client.end_of(client.submit(tmp_path))
        assert not list((tmp_path / "state/spool").glob("*.new"))


def test_a_refusal_does_not_wait_for_the_file(tmp_path: Path) -> None:
    with (
        living(tmp_path) as daemon,
        mounted(tmp_path / "mount", Ask.FLUSH) as mount,
        daemon.client() as client,
    ):
        with (
            open(mount.open()) as file,
            pytest.raises(InvalidRequest, match="health comes with 0 descriptors, not 1"),
        ):
            client.ask("health", (file.fileno(),))
        assert client.ask("health")["verb"] == "reported"
        mount.asked.get()


def test_a_user_whose_files_hold_many_processes_is_told_so(
    tmp_path: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_OF_USER", 2)
    with living(tmp_path) as daemon:
        with mounted(tmp_path / "mount", Ask.FLUSH) as mount:
            for words in ("Nothing came", "Nothing came", "2 processes wait"):
                with daemon.client() as client, pytest.raises(InputStalled, match=words):
                    submit(client, mount)
                    client.hear()
            with daemon.client() as client:
                assert client.ask("health")["verb"] == "reported"
        while not is_taken(daemon, tmp_path):  # until they have ended, without their server
            pass


def is_taken(daemon: Daemon, directory: Path) -> bool:
    """Whether a submission in a session of its own is accepted."""
    with daemon.client() as client, suppress(InputStalled):
        return bool(client.submit(directory))
    return False


@pytest.fixture
def dirty(tmp_path: Path) -> Iterator[Mount]:
    """A mount of which a drop has to wait, since it writes first what is dirty."""
    with mounted(tmp_path / "mount", Ask.WRITE, flags=WRITEBACK_CACHE) as mount:
        yield mount


def leave_behind(client: Client, mount: Mount) -> None:
    """Send a descriptor that is the only one of its kind, and whose file is dirty then."""
    with open(mount.open()) as file:
        client.say("submit", (file.fileno(), file.fileno()), **NAMES)
    mount.dirty()


def test_what_a_client_leaves_unreceived_holds_no_session(tmp_path: Path, dirty: Mount) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as other:
        with daemon.client() as client:
            client.say("wait", job=client.submit(tmp_path))
            leave_behind(client, dirty)
        dirty.asked.get()
        while len(sessions()) > 1:
            pass
        assert other.ask("health")["verb"] == "reported"


def test_what_a_refused_client_has_sent_holds_nobody(
    tmp_path: Path, dirty: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = threading.Event()
    refuse = server.Server._refuse

    def late(self: server.Server, *args: object) -> None:
        sent.wait()
        refuse(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(server.Server, "_refuse", late)
    with living(tmp_path) as daemon:
        with monkeypatch.context() as full:
            full.setattr(server, "MAX_OF_USER", 0)
            with daemon.client(greet=False) as client:
                leave_behind(client, dirty)
                sent.set()
                with pytest.raises(SessionsFull):
                    client.hear()
        dirty.asked.get()
        with daemon.client() as client:
            assert client.ask("health")["verb"] == "reported"


@pytest.mark.parametrize("never", [Ask.READ, Ask.FLUSH])
def test_a_daemon_is_killed_at_once_and_the_next_one_takes_its_place(
    tmp_path: Path, never: Ask
) -> None:
    with mounted(tmp_path / "mount", never) as mount:
        with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
            submit(client, mount)
            mount.asked.get()
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
        with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
            client.submit(tmp_path)


def test_a_foreign_file_is_open_in_a_process_that_has_nothing_else(tmp_path: Path) -> None:
    with (
        mounted(tmp_path / "mount", Ask.READ) as mount,
        stepped_daemon(tmp_path) as daemon,
        daemon.client() as client,
    ):
        submit(client, mount)
        mount.asked.get()
        assert not [each for each in files_of(daemon.pid) if "mount" in each]
        (process,) = called("lipsyncd: intake", intake_template(daemon.pid))
        found = files_of(process)
        assert str(mount.file) in found
        assert not [each for each in found if each.endswith((".sqlite", "lock", "state"))]
        own = [each for each in found if each.startswith("socket:")]
        assert len(own) == 1  # its talk with the daemon
        daemon.end(signal.SIGKILL)


def test_an_intake_that_is_killed_costs_its_submission_only(tmp_path: Path) -> None:
    with (
        mounted(tmp_path / "mount", Ask.FLUSH) as mount,
        stepped_daemon(tmp_path) as daemon,
        daemon.client() as client,
    ):
        template = intake_template(daemon.pid)
        submit(client, mount)
        mount.asked.get()
        os.kill(template, signal.SIGKILL)
        with daemon.client() as other:
            other.submit(tmp_path)
        mount.leave()
        with pytest.raises(InternalError, match="The process that copied the files ended"):
            client.hear()
        client.submit(tmp_path)
        daemon.end(signal.SIGKILL)
