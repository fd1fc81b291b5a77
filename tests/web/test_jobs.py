"""What a user of the page does with jobs, and that nobody else can."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.daemon.reencoding import ReencodingDaemon, frames_in, reencoding_daemon
from support.web.site import Site, site

from lipsyncctl import Client

HEADER = "X-Remote-User"
BOB = {HEADER: "bob"}
ADMIN = {HEADER: "admin"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReencodingDaemon]:
    """It takes labels from members of the group that we are in."""
    with reencoding_daemon(tmp_path_factory.mktemp("d"), 'label_group = "root"\n') as daemon:
        yield daemon


@pytest.fixture(scope="module")
def page(daemon: ReencodingDaemon) -> Iterator[Site]:
    """Behind a proxy that says who the user is."""
    words = ("--socket", daemon.socket, "--trust-header", HEADER, "--admin", ADMIN[HEADER])
    with site(daemon.directory, *words) as page:
        yield page


@pytest.fixture
def alice(request: pytest.FixtureRequest) -> dict[str, str]:
    """A user who has no jobs yet, as the proxy tells of her."""
    return {HEADER: f"alice-{request.node.name[-40:]}"}


def handed_in(daemon: ReencodingDaemon, user: dict[str, str], face: Path | None = None) -> str:
    """A job of a user of the page."""
    client, label = Client(daemon.socket), user[HEADER]
    return client.submit(face or daemon.face, daemon.voice, label=label).id


def test_a_user_sees_and_changes_none_of_anothers_jobs(
    daemon: ReencodingDaemon, page: Site, alice: dict[str, str]
) -> None:
    done = handed_in(daemon, alice)
    daemon.end_of(done)
    daemon.hold()
    held = handed_in(daemon, alice)
    assert set(page.rows(**alice)) == {done, held}
    assert page.rows(**BOB) == {}
    for id in (done, held, done[:6], "0" * 12, "../" + done):
        for part in ("result", "face", "picture", "story"):
            assert page.ask(f"/jobs/{id}/{part}", **BOB).status == 404, (id, part)
        for act in ("cancel", "retry", "remove", "redo"):
            assert page.ask(f"/jobs/{id}/{act}", "POST", b"{}", **BOB).status == 404, (id, act)
    assert page.ask(f"/jobs.zip?id={done}", **BOB).body.count(b"PK\3\4") == 0
    assert page.ask("/service", **BOB).error == "auth.denied"
    assert page.ask("/service/drain", "POST", b"{}", **BOB).error == "auth.denied"
    assert Client(daemon.socket).status(held).state == "running"
    daemon.let_go()


def test_the_owner_cancels_repeats_and_removes(
    daemon: ReencodingDaemon, page: Site, alice: dict[str, str]
) -> None:
    daemon.hold()
    id = handed_in(daemon, alice)
    told = page.events(**alice)
    assert id in next(told)["rows"]
    assert page.ask(f"/jobs/{id}/cancel", "POST", b"{}", **alice).status == 204
    while 'data-act="retry"' not in next(told)["rows"].get(id, ""):
        pass
    assert page.ask(f"/jobs/{id}/retry", "POST", b"{}", **alice).status == 204
    (again,) = set(page.rows(**alice)) - {id}
    daemon.let_go()
    assert daemon.end_of(again)["state"] == "succeeded"
    assert page.ask(f"/jobs/{id}/remove", "POST", b"{}", **alice).status == 204
    assert set(page.rows(**alice)) == {again}
    assert b"accepted" in page.ask(f"/jobs/{again}/story", **alice).body


def test_a_tab_is_told_of_the_rows_that_it_shows_as_they_change(
    daemon: ReencodingDaemon, page: Site, alice: dict[str, str]
) -> None:
    daemon.hold()
    oldest, middle, newest = [handed_in(daemon, alice) for _ in range(3)]
    told = page.events(most=2, **alice)
    first = next(told)
    assert (set(first["rows"]), first["order"]) == ({middle, newest}, [newest, middle])
    assert first["more"] == 1
    assert page.ask(f"/jobs/{newest}/cancel", "POST", b"{}", **alice).status == 204
    changed: set[str] = set()
    while newest not in changed:
        changed |= set(next(told)["rows"])
    assert oldest not in changed
    assert len(next(page.events(most=3, **alice))["rows"]) == 3
    assert page.ask("/jobs/events?most=0", **alice).status == 422
    for id in (middle, oldest):
        Client(daemon.socket).cancel(id)
    daemon.let_go()


def test_a_result_is_sent_whole_or_in_parts(
    daemon: ReencodingDaemon, page: Site, alice: dict[str, str]
) -> None:
    id = handed_in(daemon, alice)
    daemon.end_of(id)
    address = f"/jobs/{id}/result"
    whole = page.ask(address, **alice)
    (page.directory / "out.mp4").write_bytes(whole.body)
    assert frames_in(page.directory / "out.mp4") > 0
    size = len(whole.body)
    for asked, part in {
        "bytes=0-9": slice(0, 10),
        "bytes=10-": slice(10, None),
        "bytes=-5": slice(-5, None),
        f"bytes=5-{size + 9}": slice(5, None),
    }.items():
        sent = page.ask(address, Range=asked, **alice)
        assert (sent.status, sent.body) == (206, whole.body[part]), asked
    endless = f"bytes={'9' * 5000}-"
    for asked in (f"bytes={size}-", "bytes=9-3", "bytes=-", "bytes=-0", "pieces=1-2", endless):
        assert page.ask(address, Range=asked, **alice).status == 416, asked
    assert "attachment" in page.ask(f"{address}?download=1", **alice).headers["content-disposition"]


def test_names_of_others_are_text(
    daemon: ReencodingDaemon, page: Site, alice: dict[str, str]
) -> None:
    face = daemon.directory / "<b onclick=x>&\u202eface.mp4"
    face.write_bytes(daemon.face.read_bytes())
    id = handed_in(daemon, alice, face)
    row = page.rows(**alice)[id]
    assert "<b " not in row and "&lt;b onclick=x&gt;&amp;" in row
    assert "\u202e" not in row
    daemon.end_of(id)


def test_an_admin_drains_and_resumes(page: Site) -> None:
    assert page.ask("/service/drain", "POST", b"{}", **ADMIN).status == 204
    assert b"drained" in page.ask("/service", **ADMIN).body
    assert page.ask("/service/resume", "POST", b"{}", **ADMIN).status == 204
    assert b"drained" not in page.ask("/service", **ADMIN).body


def test_a_daemon_that_is_away_is_told_and_found_again(
    daemon: ReencodingDaemon, page: Site, alice: dict[str, str]
) -> None:
    id = handed_in(daemon, alice)
    daemon.end_of(id)
    told = page.events(**alice)
    assert id in next(told)["rows"]
    assert daemon.end() == 0
    while "away" not in next(told):
        pass
    daemon.start()
    while "rows" not in next(told):
        pass
    assert daemon.persist(lambda client: client.ask("health"))["ready"]
