"""A job moves only as its table says; options are taken only as they should be."""

import dataclasses

import pytest

from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.job import ALPHABET, ID_LENGTH, Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.outputs import CODECS, FORMATS
from lipsyncd.protocol.state import ENDED, NEXT, State
from lipsyncd.protocol.wire import Kind, encode
from lipsyncd.queue.transitions import new_job

JOB = Job("k3", 1000, "speaker.mp4", "hello.wav", Options(), created_at=1.5)


def test_every_state_has_a_row() -> None:
    assert set(NEXT) == set(State)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_ended_job_never_moves(state: State) -> None:
    ended = dataclasses.replace(JOB, state=state)
    assert ended.is_ended
    for following in State:
        with pytest.raises(ValueError, match="cannot become"):
            move(ended, following)


def test_a_queued_job_runs_and_succeeds() -> None:
    running = move(JOB, State.RUNNING, attempts=1, started_at=2.0)
    succeeded = move(running, State.SUCCEEDED, ended_at=3.0, result_bytes=4)
    assert (succeeded.state, succeeded.attempts, succeeded.result_bytes) == ("succeeded", 1, 4)


def test_a_job_cannot_succeed_unrendered() -> None:
    with pytest.raises(ValueError, match="a queued job cannot become succeeded"):
        move(JOB, State.SUCCEEDED)


def test_a_running_job_can_go_back_to_the_queue() -> None:
    assert move(move(JOB, State.RUNNING), State.QUEUED).state is State.QUEUED


def test_ids_are_twelve_letters_nobody_confuses_and_never_the_same() -> None:
    ids = {new_job(0, "f", "v", Options()).id for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(name) == ID_LENGTH and set(name) <= set(ALPHABET) for name in ids)
    assert not set("ilou") & set(ALPHABET)


def test_a_job_on_the_wire_holds_every_field_and_nothing_of_python() -> None:
    fields = JOB.as_map()
    assert set(fields) == {field.name for field in dataclasses.fields(Job)}
    assert type(fields["state"]) is str
    assert encode(Kind.REPLY, {"job": fields})


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(blend="box", extend="loop"),
        Options(box=(10, 20, 106, 116), crf=0),
        Options(format="webm", codec="av1", preset="slow", tag=False),
    ],
)
def test_options_survive_the_journey(options: Options) -> None:
    assert Options.from_map(options.as_map()) == options


@pytest.mark.parametrize(
    "options",
    [
        None,
        [],
        "soft",
        {"blend": "hard"},
        {"blend": 1},
        {"blend": []},
        {"blend": None},
        {"extend": "stop"},
        {"crf": 52},
        {"crf": -1},
        {"crf": True},
        {"crf": 18.0},
        {"crf": "18"},
        {"box": [1, 2, 3]},
        {"box": [1, 2, 3, 4, 5]},
        {"box": [5, 0, 5, 9]},
        {"box": [0, 9, 5, 9]},
        {"box": [-1, 0, 5, 9]},
        {"box": [0, 0, 5, 9.5]},
        {"box": [0, 0, True, 9]},
        {"box": [0, 0, 1 << 40, 9]},
        {"box": "0 0 5 9"},
        {"box": {"left": 1}},
        {"path": "/etc/shadow"},
        {"format": "avi"},
        {"format": None},
        {"preset": "placebo"},
        {"tag": None},
        {"tag": 1},
    ],
)
def test_wrong_options_are_an_invalid_request(options: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Options.from_map(options)
    assert caught.value.hint


@pytest.mark.parametrize("format", FORMATS)
def test_a_codec_that_the_format_does_not_take_is_refused_with_those_that_it_takes(
    format: str,
) -> None:
    taken = FORMATS[format].codecs
    assert Options(format=format).coded == taken[0]
    for codec in CODECS:
        if codec in taken:
            assert Options.from_map({"format": format, "codec": codec}).coded == codec
            continue
        with pytest.raises(InvalidRequest, match=f"{format} takes .*, not {codec}") as caught:
            Options.from_map({"format": format, "codec": codec})
        assert all(each in caught.value.message for each in taken)
