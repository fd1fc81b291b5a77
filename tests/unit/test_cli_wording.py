"""How jobs and errors read."""

import os
import time
from typing import Any

import pytest

from lipsyncctl.client.key import made_up_key
from lipsyncctl.show.description import description
from lipsyncctl.show.job import advance, fate, place
from lipsyncctl.show.wording import clock, ordinal, sentence, size
from lipsyncd.errors import QueueFull, SessionsFull
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncd.queue.transitions import new_job

DRAINED = "The queue is drained: maintenance."
NOBODY = 4_000_000_000  # a uid without a name


def job(terms: Terms | None = None, **changes: object) -> dict[str, Any]:
    """A queued job of ours as it travels."""
    made = new_job(os.getuid(), "speaker.mp4", "hello.wav", Options(), terms or Terms())
    return made.as_map() | changes


@pytest.mark.parametrize(
    "number, words",
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_a_place_has_an_ordinal_number(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.parametrize(
    "given, words",
    [
        ({"position": 3, "eta": 130.0}, "3rd, in 2 min"),
        ({"position": 1, "eta": 0.0}, "1st, soon"),
        ({"position": 1, "eta": 0.9}, "1st, soon"),
        ({"position": 2, "eta": None}, "2nd"),
        ({}, ""),
    ],
)
def test_a_waiting_job_tells_its_place_and_when_it_starts(
    given: dict[str, object], words: str
) -> None:
    assert place(job(**given)) == words


def test_a_job_that_waits_for_a_drained_queue_says_so() -> None:
    waiting = job(position=1, eta=None, paused=DRAINED)
    assert f"place     1st, once it goes on ({DRAINED})" in description(waiting).splitlines()
    assert fate(waiting) == f"queued, 1st, once it goes on ({DRAINED})"
    assert place(waiting) == "1st"


@pytest.mark.parametrize(
    "given, words",
    [
        ({"state": "queued", "position": 3, "eta": 130.0}, "3rd, in 2 min"),
        ({"state": "running", "done": 0, "total": 0}, ""),
        ({"state": "running", "done": 34, "total": 100}, "34 %"),
        ({"state": "running", "done": 34, "total": 100, "fps": 5.5}, "34 %, 12 s left"),
        ({"state": "running", "done": 100, "total": 100, "fps": 5.5}, "100 %"),
        ({"state": "succeeded", "done": 100, "total": 100, "fps": 5.5}, "100 %"),
        ({"state": "failed", "done": 100, "total": 100, "fps": 5.5}, ""),
        ({"state": "cancelled", "done": 34, "total": 100, "fps": 5.5}, ""),
    ],
)
def test_how_far_a_job_is(given: dict[str, object], words: str) -> None:
    assert advance(job(**given)) == words


def test_the_job_of_another_user_tells_whose_it_is() -> None:
    assert "user" not in description(job())
    assert f"user      {NOBODY}" in description(job(owner=NOBODY)).splitlines()


def test_a_job_that_comes_back_after_a_crash_says_so() -> None:
    assert fate(job(attempts=1), is_back=True) == "queued again, its render was cut short"
    assert fate(job(attempts=0), is_back=True) == "queued again"
    assert fate(job(attempts=1, state="running"), is_back=True) == "running"
    assert fate(job(attempts=1)) == "queued"


def test_a_moment_is_that_of_the_clock_here_with_its_offset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    told = clock(1_500_000_000)
    monkeypatch.undo()
    time.tzset()
    assert told == "2017-07-14 08:10:00+05:30"


def test_a_key_that_nobody_chose_is_not_shown() -> None:
    assert "key" not in description(job(Terms(key=made_up_key())))


def test_the_priority_is_shown_where_it_is_a_special_one() -> None:
    assert "priority" not in description(job())
    assert "priority  high" in description(job(Terms(priority=Priority.HIGH)))


def test_a_description_tells_the_terms_and_the_past() -> None:
    terms = Terms(key="take-1", expires=600.0, max_runtime=90.0)
    told = description(job(terms, retry_of="0123456789ab"))
    parts = dict(line.split("  ", 1) for line in told.splitlines())
    parts = {name.strip(): value.strip() for name, value in parts.items()}
    assert parts["key"] == "take-1"
    assert parts["expires"].endswith(", in 10 min")
    assert parts["max runtime"] == "1 min 30 s"
    assert parts["retry of"] == "0123456789ab"


def test_what_a_job_does_not_have_is_left_out() -> None:
    names = {line.split("  ")[0] for line in description(job()).splitlines()}
    assert names == {"job", "state", "face", "voice", "options", "accepted"}


def test_a_job_that_has_ended_expires_no_more() -> None:
    ended = job(Terms(expires=600.0), state="cancelled", ended_at=time.time())
    assert ", in " not in description(ended)


def test_a_change_tells_the_state_of_then_and_not_what_came_of_it() -> None:
    error = QueueFull("It went wrong.", "Try again.").as_map()
    assert fate(job(state="running", error=error)) == "running"
    assert fate(job(state="failed", error=error)) == "failed. It went wrong. Try again."


def test_an_error_tells_when_another_attempt_is_worth_it() -> None:
    error = QueueFull("250 jobs are waiting already.", "Wait for one of them.")
    assert sentence(error.as_map()) == "250 jobs are waiting already. Wait for one of them."
    error.retry_after_ms = 130_000
    assert sentence(error.as_map()).endswith(" Try again in 2 min.")
    error.retry_after_ms = 20
    assert sentence(error.as_map()).endswith(" Try again in 1 s.")
    assert sentence(SessionsFull("There are 64 sessions.", "").as_map()) == "There are 64 sessions."


@pytest.mark.parametrize(
    "count, words",
    [(9, "9 bytes"), (1536, "1.5 KiB"), (13 << 20, "13.0 MiB"), (1 << 40, "1024.0 GiB")],
)
def test_bytes_are_told_in_the_largest_unit_that_fits(count: int, words: str) -> None:
    assert size(count) == words
