"""A job comes in as open files, is kept from others, and goes out as an open file."""

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from support.client.session import Client
from support.daemon.inprocess import living, session_of, with_controlplane
from support.daemon.renderers import Gate, endless, raising

from lipsyncd.errors import (
    AccessDenied,
    FileTooLarge,
    InvalidRequest,
    JobEnded,
    JobNotEnded,
    NoFace,
    NoResult,
    NotAFile,
    QueueFull,
    UnknownJob,
)
from lipsyncd.protocol.wire import Kind
from lipsyncd.server.peer import Peer
from lipsyncd.server.verbs.wait import EVENT_PAUSE

NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}


def spooled(directory: Path) -> list[str]:
    spool = directory / "state/spool"
    return sorted(str(path.relative_to(spool)) for path in spool.rglob("*"))


def test_a_job_travels_from_descriptors_to_a_descriptor(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path, crf=20)
        ended = client.end_of(job)
        assert (ended["state"], ended["attempts"], ended["error"]) == ("succeeded", 1, None)
        assert (ended["face"], ended["voice"]) == ("speaker.mp4", "hello.wav")
        assert ended["options"]["crf"] == 20
        assert ended["owner"] == os.getuid()
        assert (ended["done"], ended["total"], ended["faces"]) == (3, 3, 2)
        assert ended["result_bytes"] == 9
        assert client.result_of(job) == b"facevoice"
        assert client.result_of(job) == b"facevoice"


def handed_in(
    client: Client, directory: Path, files: int, more: object, who: str, **other: str
) -> str:
    """A job of so many files, whatever its voices after the first are called."""
    paths = [directory / name for name in ("speaker.mp4", "a.wav", "b.wav", "c.wav")[:files]]
    for path in paths:
        path.write_bytes(path.stem.encode())
    with ExitStack() as stack:
        inputs = [stack.enter_context(path.open()).fileno() for path in paths]
        names = {"face": "speaker.mp4", "voice": "a.wav", "voices": more}
        return str(
            client.ask("submit", inputs, **names, options={"who": who, **other})["job"]["id"]
        )


def test_work_that_comes_along_is_the_last_file_and_has_to_be_there(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client, ExitStack() as stack:
        paths = [tmp_path / name for name in ("speaker.mp4", "hello.wav", "work")]
        for path in paths:
            path.write_bytes(path.stem.encode())
        files = [stack.enter_context(path.open()).fileno() for path in paths]
        for count, has_work in ((2, True), (3, False)):
            with pytest.raises(InvalidRequest, match="descriptors for a face, 1 voices"):
                client.ask("submit", files[:count], **NAMES, work=has_work)
        job = client.ask("submit", files, **NAMES, work=True)["job"]["id"]
        assert client.result_of(client.end_of(job)["id"]) == b"speakerhello"


@pytest.mark.parametrize(
    ("more", "who", "result"),
    [([], "1", b"speakera"), (["b.wav", "c.wav"], "1 3 2", b"speakerabc")],
)
def test_a_dialogue_travels_with_all_its_voices(
    tmp_path: Path, more: list[str], who: str, result: bytes
) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = handed_in(client, tmp_path, 2 + len(more), more, who)
        ended = client.end_of(job)
        assert (ended["state"], ended["voice"]) == ("succeeded", ", ".join(["a.wav", *more]))
        assert client.result_of(job) == result


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ((3, [], "left"), "3 descriptors for a face, 1 voices and 0 pictures"),
        ((2, ["b.wav"], "left right"), "2 descriptors for a face, 2 voices and 0 pictures"),
        ((3, ["b.wav"], "left"), "2 voices, and who names 1"),
        ((3, ["b.wav"], "all"), "2 voices, and who names 1"),
        ((2, [], "left right"), "1 voices, and who names 2"),
        ((3, [7], "left right"), "voices is not a list of files' names"),
        ((3, [""], "left right"), "voices is not a list of files' names"),
    ],
)
def test_each_voice_has_a_name_a_file_and_a_face(
    client: Client, tmp_path: Path, sent: tuple[int, object, str], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        handed_in(client, tmp_path, *sent)
    assert spooled(tmp_path) == []


def test_tracks_are_named_for_all_voices_or_for_each(client: Client, tmp_path: Path) -> None:
    for tracks in ("2", "2 1"):
        handed_in(client, tmp_path, 3, ["b.wav"], "left right", voice_track=tracks)
    with pytest.raises(InvalidRequest, match="2 voices, and voice_track names 3 tracks"):
        handed_in(client, tmp_path, 3, ["b.wav"], "left right", voice_track="1 2 3")


def test_a_picture_of_who_speaks_travels_behind_the_voices(
    client: Client, tmp_path: Path, gate: Gate
) -> None:
    job = handed_in(client, tmp_path, 4, ["b.wav"], "pictured 1")
    assert client.job(job)["spool_bytes"] == len("speaker" + "a" + "b" + "c")
    for files, more, who in (
        (2, [], "pictured"),
        (4, [], "pictured"),
        (3, ["b.wav"], "pictured 1"),
    ):
        with pytest.raises(InvalidRequest, match=f"{files} descriptors for a face, .* 1 pictures"):
            handed_in(client, tmp_path, files, more, who)


def test_the_inputs_may_go_once_the_job_is_accepted(
    client: Client, tmp_path: Path, gate: Gate
) -> None:
    job = client.submit(tmp_path)
    (tmp_path / "speaker.mp4").unlink()
    (tmp_path / "hello.wav").write_bytes(b"something else")
    gate.let_go()
    client.end_of(job)
    assert client.result_of(job) == b"facevoice"


def test_a_result_cannot_be_written_by_its_client(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        client.say("fetch", job=job)
        with client.hear() as message:
            assert message.body["size"] == 9
            result = message.take()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(result, b"x")
        os.close(result)


@pytest.mark.parametrize(
    "count, words",
    [
        (0, "0 of the 2 descriptors of submit"),
        (1, "1 of the 2 descriptors of submit"),
        (3, "3 descriptors for a face, 1 voices"),
        (7, "7 descriptors for a face, 1 voices"),
    ],
)
def test_a_job_comes_with_a_descriptor_for_each_file(
    client: Client, tmp_path: Path, count: int, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        client.ask("submit", (0,) * count, **NAMES)
    assert spooled(tmp_path) == []


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"face": "speaker.mp4"},
        {"face": "", "voice": "hello.wav"},
        {"face": "x" * 256, "voice": "hello.wav"},
        {"face": 1, "voice": 2},
        {**NAMES, "options": {"blend": "hard"}},
        {**NAMES, "options": "soft"},
    ],
)
def test_a_wrong_request_leaves_nothing(
    client: Client, tmp_path: Path, fields: dict[str, object]
) -> None:
    with open(os.devnull) as null, pytest.raises(InvalidRequest):
        client.ask("submit", (null.fileno(), null.fileno()), **fields)
    assert spooled(tmp_path) == []
    assert client.ask("list")["jobs"] == []


def test_a_name_is_never_opened(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        with (tmp_path / "voice").open("wb+") as file:
            names = {"face": "/etc/shadow", "voice": "../../caf\udce9\n"}
            inputs = (file.fileno(), file.fileno())
            job = client.ask("submit", inputs, **names)["job"]["id"]
        ended = client.end_of(job)
        assert (ended["face"], ended["voice"]) == ("/etc/shadow", "../../caf\udce9\n")
        assert client.result_of(job) == b""


def test_what_is_no_file_leaves_nothing(client: Client, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with pytest.raises(NotAFile):
        client.ask("submit", (reader, reader), **NAMES)
    os.close(reader)
    os.close(writer)
    assert spooled(tmp_path) == []
    assert client.ask("list")["jobs"] == []


def test_a_file_over_the_limit_leaves_nothing(tmp_path: Path) -> None:
    with living(tmp_path, max_voice_bytes=4) as daemon, daemon.client() as client:
        with pytest.raises(FileTooLarge):
            client.submit(tmp_path)
        assert spooled(tmp_path) == []


def test_a_full_queue_leaves_nothing(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False, max_jobs=1) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        with pytest.raises(QueueFull) as caught:
            client.submit(tmp_path)
        assert caught.value.retryable
        assert spooled(tmp_path) == [job, f"{job}/face", f"{job}/voice"]


def test_a_failed_job_tells_why_and_keeps_its_inputs_for_a_retry(tmp_path: Path) -> None:
    error = NoFace("There is no face in the video.", "Use another.")
    with living(tmp_path, raising(error)) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        ended = client.end_of(job)
        assert (ended["state"], ended["error"]) == ("failed", error.as_map())
        assert spooled(tmp_path) == [job, f"{job}/face", f"{job}/voice"]
        with pytest.raises(NoResult):
            client.result_of(job)


def test_a_job_is_followed_step_by_step(client: Client, tmp_path: Path, gate: Gate) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    client.say("wait", job=job, progress=True)
    seen = []
    while (message := client.hear()).kind is Kind.EVENT:
        assert message.body["verb"] == "progressed"
        assert message.body["id"] == client.requests
        seen.append(message.body["job"]["done"])
        gate.let_go(1)
    assert message.body["verb"] == "finished"
    assert message.body["job"]["state"] == "succeeded"
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_a_fast_job_sends_ten_events_a_second(tmp_path: Path) -> None:
    with living(tmp_path, endless) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        begun = time.monotonic()
        client.say("wait", job=job, progress=True)
        for _ in range(3):
            assert client.hear().kind is Kind.EVENT
        assert time.monotonic() - begun >= 2 * EVENT_PAUSE
        with daemon.client() as other:
            other.ask("cancel", job=job)


def test_a_job_that_does_not_move_is_told_of_as_well(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.server.verbs.wait.EVENT_SILENCE", 0.01)
    job = client.submit(tmp_path)
    client.say("wait", job=job, progress=True)
    for _ in range(5):
        assert client.hear().body["job"]["done"] == 0


def test_a_running_job_is_cancelled_and_leaves_no_result(tmp_path: Path) -> None:
    with living(tmp_path, endless) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        with daemon.client() as other:
            other.say("wait", job=job, progress=True)
            while other.hear().body["job"]["state"] != "running":
                pass
            assert client.ask("cancel", job=job)["job"]["state"] == "cancelled"
            while (message := other.hear()).kind is Kind.EVENT:
                pass
        assert message.body["job"]["state"] == "cancelled"
        assert spooled(tmp_path) == [job, f"{job}/face", f"{job}/voice"]
        with pytest.raises(JobEnded):
            client.ask("cancel", job=job)
        with pytest.raises(NoResult):
            client.result_of(job)


def test_a_queued_job_is_cancelled_at_once(client: Client, tmp_path: Path, gate: Gate) -> None:
    running, waiting = client.submit(tmp_path), client.submit(tmp_path)
    gate.at.get()
    assert client.ask("cancel", job=waiting)["job"]["state"] == "cancelled"
    assert client.job(running)["state"] == "running"


def test_a_job_that_has_not_ended_has_no_result(client: Client, tmp_path: Path) -> None:
    job = client.submit(tmp_path)
    with pytest.raises(JobNotEnded):
        client.result_of(job)


def test_jobs_are_listed_the_newest_last(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        jobs = [client.submit(tmp_path) for _ in range(3)]
        listed = client.ask("list", limit=2)["jobs"]
        assert [job["id"] for job in listed] == jobs[1:]


@pytest.mark.parametrize("verb", ["status", "wait", "fetch", "cancel"])
def test_a_job_is_seen_by_its_owner_and_by_root_only(tmp_path: Path, verb: str) -> None:
    with with_controlplane(tmp_path) as controlplane:
        with session_of(1000, controlplane) as owner, session_of(1001, controlplane) as other:
            job = owner.submit(tmp_path)
            with pytest.raises(UnknownJob):
                other.ask(verb, job=job)
            assert other.ask("list")["jobs"] == []
            assert owner.job(job)["owner"] == 1000
            assert [each["id"] for each in owner.ask("list")["jobs"]] == [job]
        with session_of(0, controlplane) as root:
            assert [each["id"] for each in root.ask("list")["jobs"]] == [job]
            assert root.ask("cancel", job=job)["job"]["state"] == "cancelled"


def test_who_may_set_a_label_is_for_the_operator_to_say(tmp_path: Path) -> None:
    files = tmp_path / "face", tmp_path / "voice"
    for file in files:
        file.write_bytes(b"content")
    with with_controlplane(tmp_path) as controlplane, session_of(1000, controlplane) as client:
        with pytest.raises(AccessDenied) as refused:
            client.hand_in(*files, label="anna")
        assert "`label_group` in lipsyncd.toml" in refused.value.hint
        config = replace(controlplane.live_config.config, label_group="lipsync-web")
        controlplane.live_config.config = config
        with pytest.raises(AccessDenied) as refused:
            client.hand_in(*files, label="anna")
        assert "the group lipsync-web" in refused.value.hint
        assert client.ask("list")["jobs"] == []
        assert spooled(tmp_path) == []


def test_the_kernel_tells_who_a_client_is() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = Peer.of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert peer.gids >= {os.getgid(), *os.getgroups()}
