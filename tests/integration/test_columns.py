"""Jobs told by field: what `list` shows of many is what whole jobs say, at less cost."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon
from support.daemon.renderers import Gate

import lipsyncctl
from lipsyncctl.client import list as listing
from lipsyncctl.client.told import by_field
from lipsyncctl.show.table import FIELDS
from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.job import Job
from lipsyncd.server.columns import PLACE, STORED
from lipsyncd.server.request import Request
from lipsyncd.server.verbs import VERBS

TOLD = [*sorted(STORED), *PLACE]


@pytest.fixture
def jobs(client: Client, gate: Gate, tmp_path: Path) -> list[str]:
    """One that has ended, one that is rendered, one that waits, and one each that is held, comes
    after another, and was cancelled."""
    ended, running, queued, held = (client.submit(tmp_path) for _ in range(4))
    after = client.hand_in(*(tmp_path / name for name in ("speaker.mp4", "hello.wav")), after=held)
    client.ask("hold", job=held)
    cancelled = client.submit(tmp_path)
    client.ask("cancel", job=cancelled)
    gate.let_go()
    client.end_of(ended)
    gate.at.get()
    gate.let_go(1)
    while not client.job(running)["done"]:
        pass
    return [ended, running, queued, held, after, cancelled]


@pytest.mark.parametrize("is_drained", [False, True])
def test_fields_are_those_of_whole_jobs(client: Client, jobs: list[str], is_drained: bool) -> None:
    if is_drained:
        client.ask("drain", reason="new disks")
    told = client.ask("list", fields=TOLD)
    whole = client.ask("list")
    assert (told["jobs"], whole["columns"]) == ([], {})
    assert told["columns"]["id"] == jobs
    assert told["columns"] == by_field(whole["jobs"], TOLD)
    assert any(told["columns"]["position"]) and any(told["columns"]["done"])
    assert any(told["columns"]["paused"]) == is_drained


def test_fields_that_a_daemon_does_not_know_are_left_out(client: Client, jobs: list[str]) -> None:
    told = client.ask("list", fields=["options", "id", "dreams", "state; DROP TABLE jobs"])
    assert told["columns"] == {"id": jobs}
    for wrong in ([1], [["id"]], [None], [{}]):
        with pytest.raises(InvalidRequest, match="^fields is not the names of fields"):
            client.ask("list", fields=wrong)


@pytest.mark.parametrize("limit", [None, 1, 2, 5, 6, 7])
@pytest.mark.parametrize("page", [1, 2, 5, 6])
def test_the_library_tells_fields_page_after_page(
    daemon: Daemon,
    jobs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    page: int,
    limit: int | None,
) -> None:
    monkeypatch.setattr(listing, "PAGE", page)
    library = lipsyncctl.Client(daemon.config.socket)
    assert library.columns(["id"], limit)["id"] == (jobs[-limit:] if limit else jobs)
    for which in ({"state": "queued"}, {"mine": True}, {"since": 2e9}, {"label": "anna"}):
        whole = library.list(limit, **which)
        assert library.columns(FIELDS, limit, **which) == by_field(whole, FIELDS)


def test_a_daemon_that_tells_whole_jobs_only_is_understood(
    daemon: Daemon, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_list = VERBS["list"]

    def on_list_before(request: Request) -> Any:
        body = {name: value for name, value in request.body.items() if name != "fields"}
        reply = on_list(replace(request, body=body))
        return replace(reply, fields={"jobs": reply.fields["jobs"]})

    library = lipsyncctl.Client(daemon.config.socket)
    told = library.columns(FIELDS)
    monkeypatch.setitem(VERBS, "list", on_list_before)
    assert library.columns(FIELDS) == told
    assert library.columns(["id"])["id"] == jobs


def test_what_is_stored_can_be_told_or_is_more_than_one_value() -> None:
    assert {*Job.__dataclass_fields__} - STORED == {"options", "error", "notes"}
    assert {*FIELDS} - STORED - {*PLACE} == {"user"}  # which only a farm has
