"""The media store, a folder or a bucket of a real S3 server, and the inputs that a host keeps."""

import hashlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from support.daemon.reencoding import FRAMES, frames_in
from support.farm.farm import Farm as FarmForTests
from support.farm.s3 import KEY_ID, SECRET, served

import lipsyncfarm.store
from lipsyncd.errors import AccessDenied, InputGone, StoreFailed
from lipsyncfarm.cache import Cache
from lipsyncfarm.config import Farm
from lipsyncfarm.spec import Input
from lipsyncfarm.store import MediaStore
from lipsyncfarm.sweep import sweep

LARGE = 20 << 20  # bytes: in several parts


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A farm's configuration with a bucket of a server that runs."""
    with served(tmp_path_factory.mktemp("s3")) as endpoint:
        secrets = {"s3-access-key-id": KEY_ID, "s3-secret-access-key": SECRET}
        yield {"store": "s3://media/farm", "s3_endpoint": endpoint, "secrets": secrets}


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    """An empty one of either kind."""
    if request.param == "file":
        return MediaStore(Farm(store=f"file://{tmp_path}"))
    chosen = request.getfixturevalue("s3")
    return MediaStore(Farm(**chosen | {"store": f"s3://media/{tmp_path.name}"}))


def put(store: MediaStore, content: bytes, name: str = "face") -> Input:
    """An input of this content."""
    it = Input(name, hashlib.sha256(content).hexdigest(), len(content))
    store.put(it.path, io.BytesIO(content))
    return it


def test_what_is_put_is_read_and_listed_until_it_is_removed(store: MediaStore) -> None:
    content = bytes(range(256)) * (LARGE // 256)
    it = put(store, content)
    assert b"".join(store.read(it.path)) == content
    assert [each.path for each in store.listed("inputs")] == [it.path]
    assert (age := store.age(it.path)) is not None and age < 60
    store.remove(it.path)
    store.remove(it.path)
    assert store.age(it.path) is None
    assert list(store.listed("inputs")) == []
    with pytest.raises(FileNotFoundError):
        list(store.read(it.path))


def test_a_job_travels_by_a_bucket(
    farm: FarmForTests, s3: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in s3["secrets"].items():
        monkeypatch.setenv(f"LIPSYNCFARM_{name.replace('-', '_').upper()}", secret)
    chosen = {name: s3[name] for name in ("store", "s3_endpoint")}
    client, one = farm.client(**chosen), farm.host("one", **chosen)
    job = client.submit(one.daemon.face, one.daemon.voice)
    assert client.wait(job.id).state == "succeeded"
    client.fetch(job.id, farm.directory / "out.mp4")
    assert frames_in(farm.directory / "out.mp4") == FRAMES
    sweep(farm.record(), MediaStore(client.farm), keep=0, cut_off=0)
    left = [each for kind in ("inputs", "results") for each in MediaStore(client.farm).listed(kind)]
    assert left == []


def test_a_bucket_with_wrong_credentials_says_that_it_is_these(s3: dict[str, Any]) -> None:
    wrong = {"s3-access-key-id": KEY_ID, "s3-secret-access-key": "wrong"}
    with pytest.raises(AccessDenied, match="may not be used"):
        put(MediaStore(Farm(**s3 | {"secrets": wrong})), b"face")


def test_a_bucket_whose_server_is_away_is_a_store_that_failed() -> None:
    secrets = {"s3-access-key-id": KEY_ID, "s3-secret-access-key": SECRET}
    nowhere = Farm(store="s3://media/farm", s3_endpoint="http://127.0.0.1:9", secrets=secrets)
    with pytest.raises(StoreFailed):
        MediaStore(nowhere).age("inputs/face")


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", b""],
    ids=["told", "silent"],
)
def test_a_bucket_whose_server_has_too_much_to_do_is_a_store_that_failed(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, or says nothing at all."""
    monkeypatch.setattr(lipsyncfarm.store, "TIMEOUTS", {"timeout": "200ms"})
    monkeypatch.setattr(lipsyncfarm.store, "RETRIES", {"max_retries": 1})
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answering, args=[server, answer], daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        secrets = {"s3-access-key-id": KEY_ID, "s3-secret-access-key": SECRET}
        store = MediaStore(Farm(store="s3://media/x", s3_endpoint=endpoint, secrets=secrets))
        for act in (lambda: put(store, b"face"), lambda: store.age("face")):
            with pytest.raises(StoreFailed):
                act()


def answering(server: socket.socket, answer: bytes) -> None:
    """The same to everybody, until nobody listens any more."""
    connections = []
    with suppress(OSError):
        while True:
            connections.append(server.accept()[0])
            connections[-1].recv(1 << 16)
            connections[-1].sendall(answer)


def test_an_input_is_fetched_once_and_what_was_used_longest_ago_makes_room(
    tmp_path: Path,
) -> None:
    (tmp_path / "store").mkdir()
    store = MediaStore(Farm(store=f"file://{tmp_path}/store"))
    inputs = [put(store, bytes([65 + number]) * 100) for number in range(3)]
    cache = Cache(tmp_path / "cache", store, most=250)
    with ExitStack() as opened:
        files = [opened.enter_context(cache.opened(each)) for each in inputs]
        assert [file.file.read(1) for file in files] == [b"A", b"B", b"C"]
    kept = {path.name for path in (tmp_path / "cache").iterdir()}
    assert kept == {each.sha256 for each in inputs[1:]}
    for each in inputs:
        store.remove(each.path)
    with cache.opened(inputs[2]) as file:
        before = os.fstat(file.fileno())
        with cache.opened(inputs[2]) as same:  # nobody who copies it thinks that it changed
            now = os.fstat(same.fileno())
        assert (now.st_mtime_ns, now.st_size) == (before.st_mtime_ns, before.st_size)
        assert file.name == "face"
    with pytest.raises(InputGone), cache.opened(inputs[0]):
        pass


def test_what_is_not_what_its_name_says_is_not_used_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = MediaStore(Farm(store=f"file://{tmp_path}/store"))
    it = put(store, b"face")
    store.put(it.path, io.BytesIO(b"changed while it was handed in"))
    with pytest.raises(InputGone), Cache(tmp_path / "cache", store, most=100).opened(it):
        pass
    assert store.age(it.path) is None
    assert list((tmp_path / "cache").iterdir()) == []
