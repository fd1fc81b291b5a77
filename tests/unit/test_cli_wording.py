"""How jobs and errors read."""

import time
from typing import Any

import pytest

from lipsyncctl.job import description, fate, place, row
from lipsyncctl.key import made_up_key
from lipsyncctl.wording import ordinal, sentence, size
from lipsyncd.errors import QueueFull, SessionsFull
from lipsyncd.jobs.job import new_job
from lipsyncd.jobs.options import Options, Priority, Terms


def job(terms: Terms | None = None, **changes: object) -> dict[str, Any]:
    """A queued job as it travels."""
    made = new_job(1000, "speaker.mp4", "hello.wav", Options(), terms or Terms())
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
        ({"position": 1, "eta": 0.0}, "1st"),
        ({"position": 2, "eta": None}, "2nd"),
        ({}, ""),
    ],
)
def test_a_waiting_job_tells_its_place_and_when_it_starts(
    given: dict[str, object], words: str
) -> None:
    assert place(job(**given)) == words


def test_a_row_shows_the_place_where_others_show_their_progress() -> None:
    assert row(job(position=3, eta=130.0))[2] == "3rd, in 2 min"
    assert row(job(state="running", done=1, total=3))[2] == "33 %"


def test_a_key_that_nobody_chose_is_not_shown() -> None:
    assert "key" not in description(job(Terms(key=made_up_key())))


def test_the_priority_is_shown_where_it_is_a_special_one() -> None:
    assert row(job())[1] == "queued"
    assert row(job(Terms(priority=Priority.LOW)))[1] == "queued (low)"
    assert "priority" not in description(job())
    assert "priority  high" in description(job(Terms(priority=Priority.HIGH)))


def test_a_description_tells_the_terms_and_the_past() -> None:
    terms = Terms(key="take-1", expires=600.0, max_runtime=90.0)
    told = description(job(terms, crashes=1, retry_of="0123456789ab"))
    parts = dict(line.split("  ", 1) for line in told.splitlines())
    parts = {name.strip(): value.strip() for name, value in parts.items()}
    assert parts["key"] == "take-1"
    assert parts["expires"].endswith(", in 10 min")
    assert parts["max runtime"] == "1 min 30 s"
    assert parts["crashes"] == "1"
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
    error = QueueFull("250 jobs are waiting already.", "Try again later.")
    assert sentence(error.as_map()) == "250 jobs are waiting already. Try again later."
    error.retry_after_ms = 130_000
    assert sentence(error.as_map()).endswith("It is worth another attempt in 2 min.")
    assert sentence(SessionsFull("There are 64 sessions.", "").as_map()) == "There are 64 sessions."


@pytest.mark.parametrize(
    "count, words",
    [(9, "9 bytes"), (1536, "1.5 KiB"), (13 << 20, "13.0 MiB"), (1 << 40, "1024.0 GiB")],
)
def test_bytes_are_told_in_the_largest_unit_that_fits(count: int, words: str) -> None:
    assert size(count) == words
