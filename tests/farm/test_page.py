"""The page in front of a farm: its users are the farm's, and each sees their own jobs alone."""

import json

import pytest
from support.daemon.reencoding import FRAMES, frames_in
from support.farm.farm import Farm
from support.web.site import PYTHON, site

from lipsyncweb.words import ENGLISH

ALICE, BOB = {"X-Remote-User": "alice"}, {"X-Remote-User": "bob"}


def test_a_user_of_the_page_is_one_of_the_farm(farm: Farm) -> None:
    if not PYTHON.exists():
        pytest.skip("there is no .venv-web, which `make test` makes for the page")
    host, client = farm.host("one"), farm.client("alice")
    job = client.submit(host.daemon.face, host.daemon.voice)
    assert host.end_of(client, job.id).state == "succeeded"
    words = ("--farm", farm.toml("page.toml"), "--trust-header", "X-Remote-User")
    with site(farm.directory, *words) as page:
        assert set(page.rows(**ALICE)) == {job.id}
        assert page.rows(**BOB) == {}
        assert page.ask(f"/jobs/{job.id}/result", **BOB).status == 404
        path = farm.directory / "out.mp4"
        path.write_bytes(page.ask(f"/jobs/{job.id}/result", **ALICE).body)
        assert frames_in(path) == FRAMES


def test_a_page_of_a_farm_says_that_nobody_beside_it_looks_at_files(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not PYTHON.exists():
        pytest.skip("there is no .venv-web, which `make test` makes for the page")
    monkeypatch.setenv("LIPSYNCD_SOCKET", str(farm.directory / "none.sock"))
    with site(farm.directory, "--farm", farm.toml("page.toml")) as page:
        (path,) = json.loads(page.upload("face.mp4", b"a face").body)
        told = json.dumps([*page.outcomes_of_naming("faces", path)])
        assert ENGLISH["unseen"] in told
        assert ENGLISH["looking"] not in told


def test_a_page_of_a_farm_has_files_looked_at_by_the_daemon_beside_it(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not PYTHON.exists():
        pytest.skip("there is no .venv-web, which `make test` makes for the page")
    host = farm.host("one")
    monkeypatch.setenv("LIPSYNCD_SOCKET", str(host.daemon.socket))
    with site(farm.directory, "--farm", farm.toml("page.toml")) as page:
        (path,) = json.loads(page.upload("face.mp4", b"no video").body)
        told = json.dumps([*page.outcomes_of_naming("faces", path)])
        assert "25 fps" in told and ENGLISH["unseen"] not in told, told
