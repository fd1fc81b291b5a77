"""Errors keep their name, their blame and their words on the way to a client."""

import pytest

from lipsyncd.errors import LipsyncError, NoFace, QueueFull

BY_NAME = {error.name: error for error in LipsyncError.family()}

# What a client may rely on: the exit code of every name, and whether another try makes sense.
CODES = {
    "input.unreadable": 65,
    "input.truncated": 65,
    "input.no_video": 65,
    "input.no_audio": 65,
    "input.silent": 65,
    "input.no_face": 65,
    "input.inclined_face": 65,
    "input.face_away": 65,
    "input.too_short": 65,
    "input.too_large": 65,
    "input.too_long": 65,
    "input.picture_too_large": 65,
    "input.too_slow": 65,
    "input.too_many_streams": 65,
    "input.not_a_file": 65,
    "media.crashed": 65,
    "media.stalled": 65,
    "job.memory": 65,
    "input.gone": 65,
    "input.stalled": 65,
    "proto.malformed": 76,
    "proto.too_large": 76,
    "proto.version": 76,
    "proto.unsupported": 76,
    "request.invalid": 2,
    "request.key_taken": 2,
    "auth.denied": 9,
    "job.unknown": 5,
    "job.not_ended": 1,
    "job.no_result": 1,
    "job.ended": 1,
    "job.expired": 3,
    "job.not_retryable": 1,
    "job.not_queued": 1,
    "job.forsaken": 1,
    "events.gone": 1,
    "queue.full": 6,
    "queue.draining": 6,
    "queue.warming": 6,
    "sessions.full": 6,
    "disk.full": 74,
    "disk.failed": 74,
    "store.failed": 74,
    "host.exhausted": 75,
    "host.lost": 75,
    "job.interrupted": 70,
    "checkpoint.missing": 66,
    "checkpoint.invalid": 66,
    "config.invalid": 78,
    "usage": 64,
    "device.unavailable": 69,
    "warmup.failed": 70,
    "gpu.lost": 74,
    "gpu.oom": 74,
    "daemon.crashing": 71,
    "state.busy": 75,
    "state.newer": 78,
    "state.corrupt": 70,
    "internal": 70,
    "server.unreachable": 7,
}
RETRYABLE = {
    "queue.full",
    "queue.draining",
    "queue.warming",
    "sessions.full",
    "disk.full",
    "disk.failed",
    "store.failed",
    "host.exhausted",
    "host.lost",
    "gpu.oom",
}


def test_every_name_has_its_exit_code() -> None:
    assert {name: error.code for name, error in BY_NAME.items()} == CODES


def test_only_what_passes_by_itself_is_retryable() -> None:
    assert {name for name, error in BY_NAME.items() if error.retryable} == RETRYABLE


@pytest.mark.parametrize("name", BY_NAME)
def test_an_error_survives_the_journey(name: str) -> None:
    sent = BY_NAME[name]("It happened.", "Do this.")
    received = LipsyncError.from_map(sent.as_map())
    assert type(received) is BY_NAME[name]
    assert received.as_map() == sent.as_map()


def test_a_name_of_a_newer_daemon_is_kept() -> None:
    fields = {**QueueFull("Full.", "Wait.").as_map(), "name": "queue.frozen", "code": 6}
    received = LipsyncError.from_map(fields)
    assert type(received) is LipsyncError
    assert received.as_map() == fields


def test_an_error_without_fields_is_internal() -> None:
    assert LipsyncError.from_map({}).name == "internal"


def test_an_error_reads_as_its_message() -> None:
    assert str(NoFace("There is no face.", "Use another video.")) == "There is no face."
