"""The page, life after life, in its own environment, and what asks it without a browser."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from support.paths import PACKAGES, ROOT

PYTHON = ROOT / ".venv-web/bin/python"
PAUSE = 0.05
SAID = "The page is at "


class Answer(NamedTuple):
    """What the page has answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The name of the error in it."""
        return str(json.loads(self.body)["error"]["name"])


class Site:
    """`words` are those of its command line; each life listens where the first one did."""

    def __init__(self, directory: Path, *words: object) -> None:
        self.directory = directory
        self._words = ["-m", "lipsyncweb.main", "--folder", directory / "web", *words]
        self._listen = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        """The first life, or another one."""
        log = self.directory / "page.log"
        before = log.stat().st_size if log.exists() else 0
        command = [PYTHON, *self._words, "--listen", self._listen]
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*map(str, command)], stderr=stderr, env=os.environ | {"PYTHONPATH": PACKAGES}
            )
        while SAID not in (said := log.read_bytes()[before:].decode(errors="replace")):
            assert self.process.poll() is None, said
            time.sleep(PAUSE)
        self.address = said.partition(SAID)[2].split()[0]
        self._listen = urlsplit(self.address).netloc

    def end(self, number: int = signal.SIGTERM) -> int:
        """This life ends by a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait()

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        """A request, in which _ of the headers' names is a -."""
        with self.asking(path, method, body, **headers) as response:
            return Answer(response.status, dict(response.getheaders()), response.read())

    @contextmanager
    def asking(
        self, path: str, method: str = "GET", body: bytes = b"", **headers: str
    ) -> Iterator[HTTPResponse]:
        """The answer as it comes."""
        connection = HTTPConnection(self._listen, timeout=120)
        try:
            usual = {"Content-Type": "application/json"} if body else {}
            named = usual | {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, named)
            yield connection.getresponse()
        finally:
            connection.close()

    def upload(self, name: str, content: bytes, **headers: str) -> Answer:
        """A file, as a browser sends it."""
        head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
        body = f"--x\r\n{head}\r\n\r\n".encode() + content + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        return self.ask("/gradio_api/upload", "POST", body, Content_Type=kind, **headers)

    def outcomes_of_naming(
        self, widget: str, path: str, **headers: str
    ) -> "Iterator[dict[str, Any]]":
        """What is told of a look at a file that is said to lie at a path, until that is over."""
        config = json.loads(self.ask("/config", **headers).body)
        ids = {each["props"].get("elem_id"): each["id"] for each in config["components"]}
        chosen = ids[widget]
        able = [each for each in config["dependencies"] if chosen in each["inputs"]]
        asked = min(able, key=lambda each: len(each["inputs"]))  # others need options as well
        file = {"path": path, "orig_name": "x", "meta": {"_type": "gradio.FileData"}}
        value = [file] if widget == "faces" else file
        data = [value if each == chosen else None for each in asked["inputs"]]
        whole = {"data": data, "fn_index": asked["id"], "session_hash": "naming"}
        self.ask("/gradio_api/queue/join", "POST", json.dumps(whole).encode(), **headers)
        with self.asking("/gradio_api/queue/data?session_hash=naming", **headers) as response:
            for line in response:
                told = json.loads(line.removeprefix(b"data: ")) if line.strip() else {}
                yield told
                if told.get("msg") == "process_completed":
                    return

    def events(self, most: int = 100, **headers: str) -> "Iterator[dict[str, Any]]":
        """What a tab that shows so many jobs is told."""
        with self.asking(f"/jobs/events?most={most}", **headers) as response:
            assert response.status == 200, response.read()
            for line in response:
                if line.startswith(b"data: "):
                    yield json.loads(line[len(b"data: ") :])

    def rows(self, **headers: str) -> dict[str, str]:
        """The rows of all jobs, by their ids."""
        told = next(iter(self.events(**headers)))
        assert "rows" in told, told
        return dict(told["rows"])


@contextmanager
def site(directory: Path, *words: object) -> Iterator[Site]:
    """A page that is told to stop at the end."""
    found = Site(directory, *words)
    try:
        yield found
    finally:
        found.end()


def refused(*words: str) -> tuple[int, str]:
    """The exit code and the words of a page that does not start."""
    command = [str(PYTHON), "-m", "lipsyncweb.main", *words]
    environment = os.environ | {"PYTHONPATH": PACKAGES}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stderr
