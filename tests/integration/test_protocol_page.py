"""What a living daemon reads and says is what daemon/PROTOCOL.md lists, key by key."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import protocol_page as page
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, Steps

from lipsyncd.errors import InvalidRequest, NoFace
from lipsyncd.protocol import connection
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options
from lipsyncd.server.request import Request
from lipsyncd.server.verbs import DESCRIPTORS, VERBS

ENVELOPE = {"verb", "id"}
ERROR = "None"  # the verb of a message that has none
OF_ANY_DAEMON = {"version", "pid", "paused"}  # in `informed`; the rest is of its models
NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}
EVENTS = {"wait": {"progressed"}, "follow": {"happened", "idle"}}
REQUESTS = page.tables("request", "field")
REFUSED = "refused"  # what the page says of a field that may not be absent
IN_WORDS = {value[0]: kind for kind, value in page.TYPES.items()} | {bool: "true or false"}
FAILING = 51  # the crf of a render that fails


class Read(dict[str, Any]):
    """A request that remembers what was read of it, and with which default."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.defaults: dict[str, object] = {}
        self.optional: set[object] = set()

    def get(self, key: str, default: object = None) -> Any:
        self.defaults[key] = default
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        if key not in self.defaults:  # before it is read, not for the words of a refusal
            self.optional.add(key)
        return super().__contains__(key)


class Heard:
    """All messages that went either way, as their receivers decoded them."""

    def __init__(self) -> None:
        self.asked: dict[str, list[Read]] = defaultdict(list)
        self.told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.replies: dict[str, object] = {}  # by the verb of the request, as the next
        self.files: dict[str, int] = {}
        self.kinds: dict[tuple[str, str], type] = {}  # of a field of a request

    def decode(self, data: bytes) -> dict[str, Any]:
        body = decode_body(data)
        verb = str(body.get("verb"))
        if verb not in VERBS:
            self.told[verb].append(body)
            return body
        self.asked[verb].append(read := Read(body))
        return read

    def ask(self, session: Client, /, verb: str, *files: int, **fields: object) -> Any:
        session.say(verb, files, **fields)
        with session.hear() as message:
            self.replies[verb], self.files[verb] = message.body["verb"], len(message.descriptors)
            return message.body

    @property
    def jobs(self) -> Iterator[dict[str, Any]]:
        for bodies in self.told.values():
            for body in bodies:
                yield from body["jobs"] if body.get("verb") == "listed" else []
                if "job" in body:
                    yield body["job"]


decode_body = connection.decode_body


@contextmanager
def hearing() -> Iterator[Heard]:
    heard = Heard()
    field = Request.field

    def noted(request: Request, name: str, kind: type, *how: Any, **also: Any) -> Any:
        heard.kinds[str(request.body["verb"]), name] = kind
        return field(request, name, kind, *how, **also)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "decode_body", heard.decode)
        patch.setattr(Request, "field", noted)
        yield heard


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """Every verb, once with all that may be in it, and a job in every state that one can have."""
    directory, gate = tmp_path_factory.mktemp("daemon"), Gate()

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        if options.crf == FAILING:
            raise NoFace("There is no face.", "Use another.")
        yield from gate.render(options, paths)

    with ExitStack() as stack:
        heard = stack.enter_context(hearing())
        daemon = stack.enter_context(living(directory, render, is_loaded=False))
        client = stack.enter_context(daemon.client())
        heard.ask(client, "hello", versions=[1, 1], client="a test")
        assert heard.ask(client, "health")["device"] is None
        daemon.may_load.set()
        running = client.submit(directory)
        gate.at.get()
        job = hand_in(heard, client, directory)
        look_at(heard, client, job)
        with daemon.client() as other:
            other.say("wait", job=job, progress=True)
            other.hear()
            heard.ask(client, "cancel", job=job)
        gate.let_go()
        heard.ask(client, "wait", job=running, progress=False)
        heard.ask(client, "fetch", job=running)
        heard.ask(client, "review", job=running)
        again = redo_all(heard, client, directory, running)
        gate.let_go()
        assert client.end_of(again)["redo_of"] == running
        failed = client.submit(directory, crf=FAILING)
        client.end_of(failed)
        client.end_of(heard.ask(client, "retry", job=failed)["job"]["id"])
        follow(daemon, failed)
        for verb in ("health", "info", "models", "measure", "reload"):
            heard.ask(client, verb)
        heard.ask(client, "recount", job=failed)
        heard.ask(client, "clean", job=failed, jobs=[])
    return heard


def hand_in(heard: Heard, client: Client, directory: Path) -> str:
    """All that comes with files; the id of the job."""
    with (directory / "speaker.mp4").open() as face, (directory / "hello.wav").open() as voice:
        files = (face.fileno(), voice.fileno())
        options = {"blend": "box", "extend": "loop", "box": [0, 0, 9, 9], "crf": 1}
        terms = {"priority": "high", "key": "k", "expires": 3600, "max_runtime": 1.5, "label": "l"}
        reply = heard.ask(client, "submit", *files, **NAMES, options=options, terms=terms)
        heard.ask(client, "probe", *files, options=options, label="l")
        heard.ask(client, "preview", *files, options=options, at=1.5, frames=2, label="l")
    return str(reply["job"]["id"])


def redo_all(heard: Heard, client: Client, directory: Path, job: str) -> str:
    """A stretch of the result of a job, whose render has kept no work; the new job."""
    (directory / "state/spool" / job / "work").touch()
    redo = {"from": 1.0, "to": 2.0, "box": [0, 0, 9, 9]}
    return str(heard.ask(client, "retry", job=job, redo=redo)["job"]["id"])


def follow(daemon: Daemon, job: str) -> None:
    """To the end of what is known of a job."""
    with daemon.client() as other:
        other.say("follow", since=0, job=job)
        while other.hear().body["verb"] != "idle":
            pass


def look_at(heard: Heard, client: Client, waiting: str) -> None:
    """While the queue goes on, and while it is drained."""
    heard.ask(client, "status", job=waiting)
    heard.ask(client, "drain", reason="a test")
    heard.ask(client, "list", limit=1)
    heard.ask(client, "list", limit=1, before=waiting, label="l", fields=["id", "eta"])
    heard.ask(client, "move", job=waiting, to="last", before=waiting)
    heard.ask(client, "hold", job=waiting)
    heard.ask(client, "release", job=waiting)
    heard.ask(client, "resume")


def test_every_verb_answers_as_the_page_says(heard: Heard) -> None:
    for row in page.tables("request", "reply"):
        verb, reply = page.name(row["request"]), page.names(row["reply"])
        assert [heard.replies[verb]] == reply if reply else verb not in heard.replies
        *_, last = row["descriptors"].split(";")
        with_reply = page.numbers(last) if "reply" in last else [0]
        assert [heard.files.get(verb, 0)] == with_reply
        if events := EVENTS.get(verb):
            assert events <= set(page.names(row["what happens"]))


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_request_may_hold_is_what_the_daemon_reads(heard: Heard, verb: str) -> None:
    rows = [row for row in REQUESTS if page.name(row["request"]) == verb]
    reads = heard.asked[verb]
    assert reads
    defaults = {key: value for read in reads for key, value in read.defaults.items()}
    optional = {key for read in reads for key in read.optional}
    assert {page.name(row["field"]) for row in rows} == defaults.keys() - ENVELOPE
    for row in rows:
        field, absent = page.name(row["field"]), row["if absent"]
        assert row["type"] == IN_WORDS[heard.kinds.get((verb, field), dict)]
        is_required = defaults[field] is None and field not in optional
        assert (absent == REFUSED) == is_required
        if literals := page.names(absent):
            assert json.loads(literals[0]) == defaults[field]


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row['request']} {row['field']}")
def test_a_field_of_another_type_is_refused_by_its_name(
    client: Client, tmp_path: Path, row: page.Row
) -> None:
    verb, field = page.name(row["request"]), page.name(row["field"])
    job = client.submit(tmp_path)
    whole = {"hello": {"versions": [1, 1], "client": "a test"}, "submit": NAMES}
    whole["move"] = {"job": job, "to": "first"}
    fields: dict[str, object] = {**whole.get(verb, {"job": job})}
    with Path(__file__).open() as file:
        files = (file.fileno(),) * 2 if verb in DESCRIPTORS else ()
        for value in ("text", 1, 1.5, True, [], {}, None):
            if not page.fits(value, row["type"]):
                with pytest.raises(InvalidRequest, match=rf"^{field} is not "):
                    client.ask(verb, files, **{**fields, field: value})
        if row["if absent"] == REFUSED:
            del fields[field]
            with pytest.raises(InvalidRequest, match=rf"^{field} is missing"):
                client.ask(verb, files, **fields)


def test_every_message_holds_what_the_page_lists_and_nothing_else(heard: Heard) -> None:
    listed: dict[str, dict[str, str]] = defaultdict(dict)
    for row in page.tables("message", "field"):
        listed[page.name(row["message"])][page.name(row["field"])] = row["type"]
    assert set(listed) == set(heard.told) - {ERROR}
    for message, fields in listed.items():
        for body in heard.told[message]:
            told = body.keys() - ENVELOPE
            if message == "informed":
                assert (
                    told & fields.keys() >= OF_ANY_DAEMON
                )  # a unit test knows what real models say
            else:
                assert told == fields.keys(), message
            for field in told & fields.keys():
                assert page.fits(body[field], fields[field]), f"{message} {field}"


def test_every_device_holds_what_the_page_lists(heard: Heard) -> None:
    rows = page.tables("message", "field")
    kinds = {page.name(row["field"]): row["type"] for row in rows if "informed" in row["message"]}
    (listed,) = (
        page.names(row["meaning"])
        for row in rows
        if (row["message"], row["field"]) == ("`reported`", "`devices`")
    )
    for device in (each for body in heard.told["reported"] for each in body["devices"]):
        assert {"informed", "device_bytes", *device} == {*listed, "device_bytes"}
        assert all(page.fits(value, kinds[field]) for field, value in device.items())


def test_every_file_of_weights_holds_what_the_page_lists(heard: Heard) -> None:
    rows = page.section("A file of weights")
    kinds = {page.name(row["field"]): row["type"] for row in rows}
    (catalogued,) = heard.told["catalogued"]
    assert catalogued["models"]
    for model in catalogued["models"]:
        assert model.keys() == kinds.keys()
        assert all(page.fits(value, kinds[field]) for field, value in model.items())


def test_every_job_holds_what_the_page_lists_and_nothing_else(heard: Heard) -> None:
    always = page.section("A job")
    waiting = page.tables("field", "type")[len(always) :][:3]
    kinds = {page.name(row["field"]): row["type"] for row in [*always, *waiting]}
    rare = {page.name(row["field"]) for row in waiting}
    seen, places = set(), set()
    for job in heard.jobs:
        assert job.keys() - rare == kinds.keys() - rare
        assert not job.keys() & rare or job["state"] == "queued"
        seen.add(job["state"])
        places |= job.keys() & rare
        for field, value in job.items():
            assert page.fits(value, kinds[field]), field
    assert seen == {"queued", "running", "succeeded", "failed", "cancelled"}
    assert places == rare == {"position", "eta", "paused"}
