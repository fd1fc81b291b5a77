"""Before there is a job: files are looked at, few at a time, and nothing of them stays."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages
from support.client.session import Client
from support.daemon.inprocess import Daemon, living, session_of, with_controlplane
from support.daemon.renderers import PROBE, PacedRenderer, at_once

from lipsyncd.errors import InvalidRequest, QueueDraining, QueueFull, QueueWarming
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.preflight import Preflight
from lipsyncd.protocol.probe import Probe
from lipsyncd.protocol.user import User


def ask(client: Client, directory: Path, verb: str, voices: int = 1, **fields: object) -> None:
    """Say it with a face and voices that are no media."""
    (directory / "speaker.mp4").write_bytes(b"face")
    (directory / "hello.wav").write_bytes(b"voice")
    names = ["speaker.mp4", *["hello.wav"] * voices]
    files = [os.open(directory / name, os.O_RDONLY) for name in names]
    try:
        client.say(verb, tuple(files), **fields)
    finally:
        for file in files:
            os.close(file)


def spooled(directory: Path) -> list[str]:
    return os.listdir(directory / "state/spool")


@pytest.fixture
def holding(daemon: Daemon) -> Iterator[Daemon]:
    """A daemon whose preflights wait for the test."""
    daemon.renderer.may_answer.clear()
    yield daemon
    daemon.renderer.may_answer.set()


def test_a_probe_is_answered_and_leaves_no_job_and_no_file(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    ask(client, tmp_path, "probe", options={"who": "left"})
    body = client.hear().body
    assert Probe.from_json(json.dumps(body).encode()) == PROBE
    assert body["render_seconds"] is None
    assert daemon.renderer.preflights.get() == Preflight(
        "probe", Options(who="left"), user=User(os.getuid())
    )
    assert client.ask("list")["jobs"] == []
    assert spooled(tmp_path) == []


def test_what_a_render_takes_is_told_by_those_that_have_ended(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    daemon.renderer.render = at_once
    ended = client.end_of(client.submit(tmp_path))
    ask(client, tmp_path, "probe")
    frame = (ended["ended_at"] - ended["started_at"]) / ended["total"]
    assert client.hear().body["render_seconds"] == pytest.approx(50 * frame)
    ask(client, tmp_path, "probe", voices=0)  # of which there is no result
    assert client.hear().body["render_seconds"] is None


def test_a_preview_is_handed_over_to_be_read_only(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    ask(client, tmp_path, "preview", at=3, frames=2)
    with client.hear() as message:
        picture = message.take()
        assert message.body["size"] == len(b"facevoice")
    assert os.pread(picture, 99, 0) == b"facevoice"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(picture, b"more")
    os.close(picture)
    assert daemon.renderer.preflights.get() == Preflight(
        "preview", Options(), 3.0, 2, User(os.getuid())
    )
    assert spooled(tmp_path) == []


def test_a_user_has_one_at_a_time(holding: Daemon, client: Client, tmp_path: Path) -> None:
    ask(client, tmp_path, "probe")
    holding.renderer.preflights.get()
    with holding.client() as other:
        ask(other, tmp_path, "preview")
        with pytest.raises(
            QueueFull, match="^This user has a probe, a preview or a report"
        ) as refused:
            other.hear()
        assert refused.value.retry_after_ms == 1000
        holding.renderer.may_answer.set()
        client.hear()
        ask(other, tmp_path, "preview")
        other.hear().close()


def test_two_labels_of_a_user_have_one_each(
    holding: Daemon, client: Client, tmp_path: Path
) -> None:
    ask(client, tmp_path, "probe", label="anna")
    assert holding.renderer.preflights.get().user == User(os.getuid(), "anna")
    with holding.client() as other:
        ask(other, tmp_path, "preview", label="anna")
        with pytest.raises(QueueFull, match="^This user has a probe, a preview"):
            other.hear()
        ask(other, tmp_path, "preview", label="ben")
        holding.renderer.preflights.get()
        holding.renderer.may_answer.set()
        for each in (client, other):
            each.hear().close()


def test_all_users_together_have_two_at_a_time(tmp_path: Path) -> None:
    renderer = PacedRenderer(at_once)
    renderer.may_answer.clear()
    with (
        with_controlplane(tmp_path) as controlplane,
        session_of(1, controlplane) as one,
        session_of(2, controlplane) as two,
        session_of(3, controlplane) as three,
    ):
        controlplane.preflights.open(renderer)
        for client in (one, two):
            ask(client, tmp_path, "probe")
            renderer.preflights.get()
        ask(three, tmp_path, "probe")
        with pytest.raises(QueueFull, match="^2 probes, previews or reports are under way"):
            three.hear()
        renderer.may_answer.set()
        for client in (one, two):
            client.hear()


def test_a_client_that_hangs_up_ends_it(holding: Daemon, tmp_path: Path) -> None:
    with holding.client() as client:
        ask(client, tmp_path, "probe")
        holding.renderer.preflights.get()
    holding.renderer.ended.get()
    holding.renderer.may_answer.set()
    with holding.client() as other:
        ask(other, tmp_path, "probe")
        other.hear()


def test_its_files_count_against_the_bounds_of_their_user(tmp_path: Path) -> None:
    with living(tmp_path, max_input_bytes_per_user=8) as daemon, daemon.client() as client:
        ask(client, tmp_path, "probe")
        with pytest.raises(QueueFull, match="may take 8 bytes, and would take 9"):
            client.hear()
        ask(client, tmp_path, "probe", voices=0)
        client.hear()


def test_none_begins_while_the_queue_is_drained(client: Client, tmp_path: Path) -> None:
    client.ask("drain", reason="a test")
    ask(client, tmp_path, "probe")
    with pytest.raises(QueueDraining):
        client.hear()
    client.ask("resume")


def test_none_begins_before_the_models_are_loaded(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        ask(client, tmp_path, "preview")
        with pytest.raises(QueueWarming):
            client.hear()


@pytest.mark.parametrize(
    "verb, fields",
    [
        ("preview", {"at": -1.0}),
        ("preview", {"frames": 17}),
        ("probe", {"options": {"who": "left right"}}),
        ("preview", {"options": {"colour": "red"}}),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_file_is_copied(
    daemon: Daemon, client: Client, tmp_path: Path, verb: str, fields: dict[str, object]
) -> None:
    ask(client, tmp_path, verb, **fields)
    with pytest.raises(InvalidRequest):
        client.hear()
    assert daemon.renderer.preflights.empty()


# At the command line

WORDS = """\
stream 1  video h264 yuv420p 640 x 480 25 fps
picture   640 x 480, 25 fps, BT709, limited range
length    2.0 s
cuts      1: at 0:01.0
face 1    0:00.0-0:02.0, 200 x 200 at 200,100, frontal, 50 % usable, speaks
sound     its own, in sync with the lips
voice     2.0 s
result    50 frames, 2.0 s
There is no face at 0:01.0-0:02.0: the picture is left as it is.
"""


def test_a_probe_reads_well(daemon: Daemon, tmp_path: Path) -> None:
    told = lipsyncctl(tmp_path, "probe", *RENDER)
    assert (told.returncode, told.stdout, told.stderr) == (0, WORDS, "")
    (message,) = messages(lipsyncctl(tmp_path, "--json", "probe", *RENDER).stdout)
    assert message["verb"] == "probed"
    assert message["warnings"] == list(PROBE.warnings)


def test_a_preview_is_written_to_its_place(daemon: Daemon, tmp_path: Path) -> None:
    words = ("preview", *RENDER, "--at", "0:01.5", "--strip", "4", "--to", "9")
    done = lipsyncctl(tmp_path, *words, "-o", "frame.png")
    assert (done.returncode, done.stdout) == (0, "frame.png: 9 bytes\n")
    assert (tmp_path / "frame.png").read_bytes() == b"facevoice"
    assert daemon.renderer.preflights.get() == Preflight(
        "preview", Options(to=9.0), 1.5, 4, User(os.getuid())
    )
    renamed = lipsyncctl(tmp_path, *words, "-o", "frame.jpg")
    assert renamed.stderr == "lipsyncctl: The preview is a PNG, whatever its name says.\n"
