"""daemon/PROTOCOL.md says what the code does: no row of its tables is wrong or missing."""

import dataclasses
import json
import re
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, get_args, get_origin

import pytest
import torch
from support import protocol_page as page
from support.checkpoints import models_of, random_generator, write_safetensors

from lipsyncd.config import Config
from lipsyncd.errors import InvalidRequest, LipsyncError, QueueFull
from lipsyncd.model.device import description_of
from lipsyncd.processes.intake import MOST_OF_USER, SILENCE_SECONDS
from lipsyncd.protocol import address, wire
from lipsyncd.protocol.choices import name_of
from lipsyncd.protocol.connection import TIMEOUT
from lipsyncd.protocol.job import ALPHABET, ID_LENGTH, Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.preflight import MAX_FRAMES
from lipsyncd.protocol.probe import (
    MOST_CUTS,
    MOST_FACES,
    MOST_GAPS,
    Away,
    Probe,
    Shown,
    Stream,
    Sync,
)
from lipsyncd.protocol.redo import Redo
from lipsyncd.protocol.review import MOST_MOMENTS, Moment, Review
from lipsyncd.protocol.state import NEXT, State
from lipsyncd.protocol.terms import MAX_KEY, Priority, Terms
from lipsyncd.protocol.user import MAX_LABEL
from lipsyncd.queue.positions import Place
from lipsyncd.queue.preflight import MOST
from lipsyncd.queue.preflight import MOST_OF_USER as MOST_PREFLIGHTS_OF_USER
from lipsyncd.render.review import LOOKED_SECONDS
from lipsyncd.server.server import KEPT_FOR_ADMINS, MAX_OF_USER, MAX_SESSIONS
from lipsyncd.server.session import HELLO_SECONDS, IDLE_SECONDS, MAX_WORDS
from lipsyncd.server.verbs import DESCRIPTORS, VERBS
from lipsyncd.server.verbs.daemon import MAX_REASON
from lipsyncd.server.verbs.follow import SILENCE
from lipsyncd.server.verbs.jobs import MAX_LISTED
from lipsyncd.server.verbs.submit import MAX_NAME
from lipsyncd.server.verbs.wait import EVENT_PAUSE, EVENT_SILENCE
from lipsyncd.system.status import DEGRADED, Condition

TOLD_OF_DEVICES = {
    "state": "ready",
    "resident_bytes": 1 << 30,
    "proof_seconds_ago": 0.5,
    "restarts": 0,
    "plans": {"hits": 3, "misses": 1},
    "jobs": 0,
    "devices": [],
}
BOUNDS = {
    "bytes of a body": wire.MAX_BODY,
    "maps and arrays inside each other, the body included": wire.MAX_DEPTH,
    "values of a body: each map, each array, and each entry of one": wire.MAX_VALUES,
    "descriptors of a message": wire.MAX_DESCRIPTORS,
    "seconds from connect() until `hello` begins": HELLO_SECONDS,
    "seconds for a message that has begun to arrive whole": TIMEOUT,
    "seconds without a request, after `hello`": IDLE_SECONDS,
    "seconds for you to read a reply, or an event that has begun": TIMEOUT,
    "sessions in all": MAX_SESSIONS,
    "of them kept for admins": KEPT_FOR_ADMINS,
    "sessions of one user": MAX_OF_USER,
    "sessions of all uids together that are still looked up among the users": MAX_OF_USER,
    "seconds in which nothing comes of a file that is copied": SILENCE_SECONDS,
    "processes of the daemon that wait for files of one user": MOST_OF_USER,
    "characters of a file's name": MAX_NAME,
    "characters of `key`": MAX_KEY,
    "characters of `label`": MAX_LABEL,
    "characters of `reason`": MAX_REASON,
    "jobs in a `listed`": MAX_LISTED,
    "`probe`, `preview` and `review` under way, of one user": MOST_PREFLIGHTS_OF_USER,
    "`probe`, `preview` and `review` under way, in all": MOST,
    "frames of a `preview`": MAX_FRAMES,
    "characters of an error's `message`": MAX_WORDS,
    "seconds between two `progressed`": EVENT_PAUSE,
    "seconds without an event of `wait` with progress, or of `follow`": EVENT_SILENCE,
}
CHOSEN = {"options": Options, "terms": Terms, "redo": Redo}
CHOICES = {
    each.name: list(each.metadata["values"].choices)
    for kind in CHOSEN.values()
    for each in dataclasses.fields(kind)
}
LISTING = ("request", "reply", "message", "field", "key", "name", "state", "allowed")
BESIDE = {  # what takes all of them
    "codec": {"format": "mkv"},
    "hdr": {"codec": "h265"},
}
OF_ALL_TYPES = ("text", 1, 1.5, True, [], {}, None)
WORDS: dict[Any, str] = {
    str: "text",
    State: "text",
    Priority: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    bytes: "bytes",
    Options: "map",
    Sync: "map",
    dict: "map",
    tuple: "array",
    NoneType: "null",
}
YES_NO = {"yes": True, "no": False}
JOB = Job("k3", 1000, "speaker.mp4", "hello.wav", Options(), created_at=1.5)
every_choice = pytest.mark.parametrize(
    "what, row",
    [(what, row) for what in CHOSEN for row in page.section(what)],
    ids=lambda each: each["key"] if isinstance(each, dict) else each,
)


def test_the_header_is_as_its_table_has_it() -> None:
    data = wire.encode(wire.Kind.EVENT, {"verb": "x" * 259})
    fields = {}
    for row in page.section("Messages"):
        first, last = map(int, page.numbers(row["byte"]))
        fields[row["field"]] = data[first : last + 1]
    assert b"".join(fields.values()) == data[: wire.HEADER.size]
    assert fields["magic"] == wire.MAGIC
    assert (
        f"`{wire.MAGIC.decode()}`, {wire.MAGIC.hex(' ')}" in page.section("Messages")[0]["content"]
    )
    assert (fields["version"], fields["kind"]) == (bytes([wire.VERSIONS[1]]), b"\3")
    assert int.from_bytes(fields["length"], "big") == len(data) - wire.HEADER.size


def test_the_page_is_of_the_version_that_is_spoken() -> None:
    assert page.text().startswith(f"# The protocol of lipsyncd, version {wire.VERSIONS[1]}\n")
    assert page.numbers(page.section("Messages")[1]["content"]) == [wire.VERSIONS[1]]
    assert f"`{list(wire.VERSIONS)}`" in page.tables("request", "field")[0]["meaning"]


def test_the_kinds_have_their_numbers() -> None:
    listed = {row["kind"]: int(row["number"]) for row in page.tables("number", "kind")}
    assert listed == {kind.name.lower(): kind.value for kind in wire.Kind}


def test_the_sample_is_the_message_it_says_it_is() -> None:
    said, bytes_of_it = re.findall(r"a request `(.*)` is\n\n    (.*)\n", page.text())[0]
    data = bytes.fromhex(bytes_of_it)
    assert data == wire.encode(wire.Kind.REQUEST, json.loads(said))


def test_the_socket_is_where_the_page_says() -> None:
    assert f"`{address.DEFAULT_SOCKET}`" in page.text()


def test_the_bounds_are_those_of_the_code() -> None:
    listed = {row["bound"]: page.numbers(row["value"]) for row in page.tables("bound")}
    assert listed == {bound: [value] for bound, value in BOUNDS.items()}
    assert EVENT_SILENCE == SILENCE


def test_every_verb_has_a_row_and_says_its_descriptors() -> None:
    rows = page.tables("request", "reply")
    assert sorted(page.name(row["request"]) for row in rows) == sorted(VERBS)
    with_files = {
        page.name(row["request"]): page.numbers(row["descriptors"].partition(";")[0])
        for row in rows
        if "with the request" in row["descriptors"]
    }
    assert with_files == {verb: [each[0], each[-1]] for verb, each in DESCRIPTORS.items()}


def test_what_a_field_of_a_request_may_be_is_told_with_its_bounds() -> None:
    listed = {
        (page.name(row["request"]), page.name(row["field"])): page.numbers(row["meaning"])
        for row in page.tables("request", "field")
    }
    assert {field: found for field, found in listed.items() if found} == {
        ("hello", "versions"): [*wire.VERSIONS],
        ("submit", "face"): [1, MAX_NAME],
        ("preview", "frames"): [1, MAX_FRAMES],
        ("list", "limit"): [1, MAX_LISTED],
        ("follow", "since"): [0],
        ("drain", "reason"): [MAX_REASON],
    }


@pytest.mark.parametrize("what", CHOSEN)
def test_what_may_be_chosen_is_listed_with_its_defaults(what: str) -> None:
    listed = {
        page.name(row["key"]): json.loads(page.name(row["default"])) for row in page.section(what)
    }
    defaults = dataclasses.asdict(CHOSEN[what]())
    assert listed == {name_of(field): value for field, value in defaults.items()}


@every_choice
def test_an_option_is_taken_within_its_bounds_and_refused_beyond(what: str, row: page.Row) -> None:
    key = page.name(row["key"])
    is_either = row["type"] == "true or false"
    good, bad = ([True, False], []) if is_either else samples(key, row["allowed"])
    bad += [value for value in OF_ALL_TYPES if not page.fits(value, row["type"])]
    good += [None] if page.fits(None, row["type"]) else []
    for value in good:
        assert page.fits(value, row["type"])
        CHOSEN[what].from_map({key: value, **BESIDE.get(key, {})})
    for value in bad:
        with pytest.raises(InvalidRequest):
            CHOSEN[what].from_map({key: value})


# Of what has no numbers of its own: what is allowed, and what is not.
FIXED = {
    "largest, left, right, all, N to N, or X,Y@SECONDS": (
        ["left right", "1,2 3,4@5", "all"],
        ["", "pictured", "left all", "0"],
    ),
    "white, black, grey, green or #RRGGBB": (
        ["white", "green", "#00b140", "#FFFFFF"],
        ["", "red", "#fff", "#00b14g"],
    ),
    "START-STOP/OF, as N-N/N": (
        ["0-1/4", "0-0/1", "9999-9999/9999"],
        ["", "1/4", "0-1", "0-1/0", "0-1/4 "],
    ),
}


def samples(key: str, allowed: str) -> tuple[list[Any], list[Any]]:
    """What is just allowed, and what is just not."""
    if choices := page.names(allowed):
        assert choices == CHOICES[key]
        return list(choices), ["", "other"]
    pattern = re.sub(page.NUMBER, "N", allowed)
    if pattern in FIXED:
        good, bad = FIXED[pattern]
        return [*good], [*bad]
    *_, least, most = page.numbers(allowed)
    return bounded(pattern, *((least, most) if "." in allowed else (int(least), int(most))))


def bounded(pattern: str, least: Any, most: Any) -> tuple[list[Any], list[Any]]:  # noqa: PLR0911
    """The same of what has a least and a most."""
    match pattern:
        case "N to N":
            return [least, most], [least - 1, most + 1]
        case "above N, to N":
            return [least + 1e-9, most], [least, most + 1]
        case "N to N characters":
            return ["x" * least, "x" * most], ["x" * (least - 1), "x" * (most + 1)]
        case "N to N printable characters":
            beyond = ["x" * (least - 1), "x" * (most + 1)]
            return ["x" * least, "é" * most, "Anna B."], [*beyond, "a\nb", "\x1b[1m", "\udcff"]
        case "N to N, for all voices or for each":
            refused = ["", "0", str(most + 1), "1  2", "1 2 3 4", "1,2", "first", " 1"]
            return [f"{least} {most} 7", str(least), str(most)], refused
        case "N whole numbers from N to N":
            wrong = [[least, least, most, most + 1], [least - 1, least, most, most]]
            unlike = [[least, least, most], [least, most, most, most]]
            return [[least, least, most, most]], wrong + unlike
        case "largest, left, right, pictured, all, N to N, or X,Y@SECONDS":
            names = ["largest", "left", "right", "pictured", "all", str(least), str(most)]
            points = ["0,0", "99999,99999", "640,360@12.345", "1,2@0"]
            refused = ["left all", "left  right", "1 2 3 4", "left ", "", "0", str(most + 1)]
            refused += ["middle", "1,2,3", "-1,2", "1,2@"]
            return [*names, *points, "left right", "2 1", "1,2 3,4@5 largest"], refused
    raise AssertionError(f"the test does not know what {pattern} means")


def test_a_job_is_listed_field_by_field() -> None:
    rows = page.section("A job")
    assert [page.name(row["field"]) for row in rows] == list(JOB.as_map())
    assert {page.name(row["field"]): row["type"] for row in rows} == {
        each.name: type_in_words(each.type) for each in dataclasses.fields(Job)
    }
    assert f"{ID_LENGTH} characters of {ALPHABET}" in rows[0]["meaning"]
    of_time = [page.name(row["field"]) for row in rows if "Unix seconds" in row["meaning"]]
    named = ["created_at", "started_at", "ended_at", "expires_at", "queued_at", "fetched_at"]
    assert sorted(of_time) == sorted(named)


def type_in_words(kind: Any) -> str:
    """An annotation as the page has it."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else [kind]
    return " or ".join(WORDS[get_origin(each) or each] for each in kinds)


def test_a_probe_is_listed_field_by_field() -> None:
    rows = [row for row in page.tables("message", "field") if row["message"] == "`probed`"]
    listed = {page.name(row["field"]): row["type"] for row in rows}
    assert listed.pop("render_seconds") == "number or null"  # which is the daemon's own
    assert listed == types_of(Probe)
    assert [number for row in rows for number in page.numbers(row["meaning"]) if number > 99] == [
        *(180, 270, MOST_CUTS, MOST_FACES, MOST_GAPS)
    ]
    for what, kind in {"stream": Stream, "face": Shown, "gap": Away, "sync": Sync}.items():
        assert keys_of(what) == types_of(kind)


def test_a_review_is_listed_key_by_key() -> None:
    assert keys_of("review") == types_of(Review)
    assert keys_of("moment") == types_of(Moment)
    rows = page.section("Of a review")
    assert [each for row in rows for each in page.numbers(row["meaning"]) if each > 1] == [
        *(LOOKED_SECONDS, MOST_MOMENTS)
    ]


def keys_of(what: str) -> dict[str, str]:
    """The keys of such a map, with their types."""
    rows = page.tables(f"key of a {what}")
    return {page.name(row[f"key of a {what}"]): row["type"] for row in rows}


def types_of(kind: type[Any]) -> dict[str, str]:
    """The fields of a dataclass, with their types as the page has them."""
    return {each.name: type_in_words(each.type) for each in dataclasses.fields(kind)}


def test_a_place_in_the_queue_is_listed() -> None:
    listed = {
        page.name(row["field"]): row["type"]
        for row in page.tables("field", "type")
        if page.name(row["field"]) in ("position", "eta", "paused")
    }
    places = {each.name: type_in_words(each.type) for each in dataclasses.fields(Place)}
    assert listed == places | {"paused": "text"}


def test_the_states_and_what_may_follow_them_are_those_of_the_code() -> None:
    listed = {
        page.name(row["state"]): set(page.names(row["followed by"]))
        for row in page.tables("state", "followed by")
    }
    assert listed == {str(state): {*map(str, NEXT[state])} for state in State}


def test_the_daemons_own_states_are_listed_in_their_order() -> None:
    (row,) = (
        row
        for row in page.tables("message", "field")
        if (row["message"], row["field"]) == ("`reported`", "`state`")
    )
    assert page.names(row["meaning"]) == [*map(str, Condition), DEGRADED]


def test_every_error_is_listed_with_its_code_and_whether_to_try_again() -> None:
    rows = page.tables("name", "code")
    listed = {page.name(row["name"]): (int(row["code"]), YES_NO[row["retryable"]]) for row in rows}
    assert len(listed) == len(rows)
    assert listed == {each.name: (each.code, each.retryable) for each in LipsyncError.family()}
    assert all(row["meaning"] for row in rows)


def test_the_fields_of_an_error_are_listed_with_their_types() -> None:
    error = QueueFull("Full.", "Wait.")
    error.retry_after_ms = 1000
    listed = {page.name(row["field"]): row["type"] for row in page.section("Errors")}
    assert list(listed) == [*error.as_map()]
    for field, value in error.as_map().items():
        assert page.fits(value, listed[field])


def test_info_is_listed_field_by_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = write_safetensors(tmp_path / "random.safetensors", random_generator())
    found = models_of(weights).describe() | TOLD_OF_DEVICES | {"cage": {"landlock": 7}}
    gpu = SimpleNamespace(name="A100", uuid="GPU-1", total_memory=1 << 36)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: gpu)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 1 << 30)
    found |= description_of(torch.device("cuda:0"))
    own = ("version", "pid", "paused")
    listed = {
        page.name(row["field"]): row["type"]
        for row in page.tables("message", "field")
        if row["message"] == "`informed`" and page.name(row["field"]) not in own
    }
    assert set(listed) == set(found)
    for field, value in found.items():
        assert page.fits(value, listed[field]), field


def test_every_word_in_code_is_one_of_the_protocol() -> None:
    """So that no sentence names a verb, a field or an error that is no more."""
    listed = {
        word
        for row in page.tables()
        for column, cell in row.items()
        if column.startswith(
            ("request", "reply", "message", "field", "key", "name", "state", "allowed")
        )
        for word in page.names(cell)
    }
    words = set(re.findall(r"`([a-z][a-z_.-]+)`", page.text()))
    conditions = {str(condition) for condition in Condition}
    conditions.add(DEGRADED)
    others = {"verb", "cpu", "lost", "false", "true", "null", "lipsyncd", "lipsyncctl"}
    assert words - listed - conditions == others | {Config().admin_group}
