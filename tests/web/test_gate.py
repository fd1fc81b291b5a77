"""Who and what gets to the page, and what is refused by name."""

import os
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.paths import PACKAGES
from support.web.site import PYTHON, Site, refused, site

from lipsyncd.errors import UsageError
from lipsyncweb.arguments import parse

KIB = 1 / (1 << 20)  # in GiB


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Of two users, with room for little; there is no daemon behind it."""
    folder = tmp_path_factory.mktemp("g")
    sizes = ("--largest", f"{200 * KIB}", "--room", f"{1000 * KIB}")
    words = ("--socket", folder / "none.sock", "--trust-header", "X-Remote-User", *sizes)
    with site(folder, *words) as page:
        yield page


ALICE, BOB = {"X-Remote-User": "alice"}, {"X-Remote-User": "bob"}


def test_a_page_for_the_network_has_to_know_its_users() -> None:
    code, said = refused("--listen", "0.0.0.0:0")
    assert code == 64
    assert "0.0.0.0" in said and "127.0.0.1" in said, said
    with pytest.raises(UsageError, match=r"0\.0\.0\.0 anybody could send the header"):
        parse(["--listen", "0.0.0.0:7860", "--trust-header", "X-Remote-User"])
    for words in (["--auth", "users"], ["--host", "x"]):
        where = "0.0.0.0:7860" if "--auth" in words else "[::1]:7860"
        assert parse(["--listen", where, *words]).listen == where


def test_who_is_nobody_gets_nothing(page: Site) -> None:
    for address in ("/", "/jobs/events", "/config", "/assets/x.js"):
        assert page.ask(address).status == 401
    assert page.ask("/", X_Remote_User="a b").status == 401
    assert page.ask("/", **ALICE).status == 200


def test_passwords_are_asked_for_and_held_against_their_hashes(short: Path) -> None:
    command = [
        PYTHON,
        "-c",
        "from lipsyncweb.users import line_of; print(line_of('anna', 'geheim'))",
    ]
    environment = os.environ | {"PYTHONPATH": PACKAGES}
    line = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    users = short / "users"
    users.write_text(line.stdout)
    with site(short, "--auth", users, "--socket", short / "none.sock") as page:
        asked = page.ask("/")
        assert asked.status == 401 and asked.headers["www-authenticate"].startswith("Basic")
        for pair, status in {"anna:geheim": 200, "anna:falsch": 401, "otto:geheim": 401}.items():
            told = f"Basic {b64encode(pair.encode()).decode()}"
            assert page.ask("/alive" if status == 401 else "/", Authorization=told).status == status
        assert page.ask("/", Authorization="Basic %%%").status == 401
        users.write_text("")
        told = f"Basic {b64encode(b'anna:geheim').decode()}"
        assert page.ask("/", Authorization=told).status == 401


def test_another_name_of_the_page_is_refused(page: Site) -> None:
    for host in ("evil.example.org", "localhost.evil.org", "", "127.0.0.1.evil.org:80"):
        assert page.ask("/", Host=host, **ALICE).error == "request.invalid", host
    assert page.ask("/", Host="localhost:1234", **ALICE).status == 200


@pytest.mark.parametrize(
    "address",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=https://example.org/",
        "/gradio_api/proxy=https://example.org/",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/monitoring/summary",
        "/gradio_api/vibe-edit/",
        "/docs",
        "/static/../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_what_the_page_does_not_use_is_not_there(page: Site, address: str) -> None:
    found = page.ask(address, **ALICE)
    assert found.status in (403, 404), found
    assert b"root:" not in found.body


def test_what_another_page_sends_is_refused(page: Site) -> None:
    for headers in ({"Origin": "https://evil.example.org"}, {"Sec-Fetch-Site": "cross-site"}):
        asked = page.ask("/service/drain", "POST", b"{}", **headers, **ALICE)
        assert (asked.status, asked.error) == (403, "auth.denied")


def test_an_upload_is_its_users_alone_and_stays_in_the_folder(page: Site) -> None:
    up = page.upload("../../../tmp/evil.mp4", b"alice's", **ALICE)
    (path,) = eval(up.body)
    assert Path(path).is_relative_to(page.directory / "web/uploads"), path
    assert page.ask(f"/gradio_api/file={path}", **ALICE).body == b"alice's"
    assert page.ask(f"/gradio_api/file={path}", **BOB).status == 404


def test_too_large_an_upload_is_refused_before_it_comes(page: Site) -> None:
    assert page.upload("large.mp4", bytes(300 << 10), **ALICE).error == "input.too_large"
    told = page.ask("/jobs/x/redo", "POST", bytes(2 << 20), **ALICE)
    assert told.error == "input.too_large"


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "http://127.0.0.1:1/x", "http://example.org/x", "https://hf.co/x"]
)
def test_what_is_named_as_an_upload_and_is_none_is_neither_copied_nor_fetched(
    page: Site, path: str
) -> None:
    uploads = page.directory / "web/uploads"
    before = {*uploads.rglob("*")}
    *_, last = page.outcomes_of_naming("voice", path, **ALICE)
    assert last["success"] is False
    assert {*uploads.rglob("*")} == before
    log = (page.directory / "page.log").read_text()
    assert "getaddrinfo" not in log and "safehttpx" not in log, log


def test_two_hundred_uploads_at_once_end_with_a_file_or_a_named_refusal(page: Site) -> None:
    def upload(number: int) -> str:
        answer = page.upload(f"{number}.mp4", number.to_bytes(2) * (20 << 10), **ALICE)
        return "file" if answer.status == 200 else answer.error

    with ThreadPoolExecutor(200) as pool:
        found = Counter(pool.map(upload, range(200)))
    assert set(found) <= {"file", "disk.full", "sessions.full"}, found
    assert found["file"] and found["disk.full"], found
    lying = sum(path.stat().st_size for path in page.directory.rglob("*.mp4"))
    assert lying <= 1000 << 10
    assert page.ask("/", **ALICE).status == 200
