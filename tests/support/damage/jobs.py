"""Damaged files as jobs of a daemon with the real models: submitted, waited for and judged."""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from lipsyncctl.client.session import Session, open_session
from support.damage.files import Pair
from support.damage.isolated import written
from support.damage.verdict import Verdict, named
from support.measure import memory

AT_ONCE = 6  # jobs that wait or run


class Judge:
    """Submits to a daemon, which is known by its process and the directory of its socket."""

    def __init__(self, directory: Path, pid: int) -> None:
        self.directory = directory
        self.pid = pid

    def verdicts(self, jobs: Iterable[Pair]) -> Iterator[Verdict]:
        """Submit the jobs, some at a time, and give the verdict on each."""
        waiting: deque[tuple[Pair, str]] = deque()
        with open_session(str(self.directory / "control.sock")) as client:
            for job in jobs:
                waiting.append((job, self.submit(client, job)))
                if len(waiting) == AT_ONCE:
                    yield self.verdict(client, *waiting.popleft())
            while waiting:
                yield self.verdict(client, *waiting.popleft())

    def submit(self, client: Session, job: Pair) -> str:
        """Hand in a job; its id."""
        paths = written(job, self.directory)
        with paths.face.open("rb") as face, paths.voices[0].open("rb") as voice:
            files = [face.fileno(), voice.fileno()]
            names = {"face": "face", "voice": "voice"}
            accepted = client.ask("submit", descriptors=files, options={}, **names)
        return str(accepted.body["job"]["id"])

    def verdict(self, client: Session, job: Pair, number: str) -> Verdict:
        """What became of it in the end."""
        ended = client.ask("wait", timeout=None, job=number, progress=False).body["job"]
        if ended["state"] == "succeeded":
            name = named(self.fetched(client, number), ended["total"])
        else:
            name = ended["error"]["name"] if ended["error"] else ended["state"]
        seconds = ended["ended_at"] - ended["started_at"]
        peak = memory("VmHWM", self.pid)
        return Verdict(job.number, job.kind, job.format, name, seconds, peak_mib=peak)

    def fetched(self, client: Session, number: str) -> Path:
        """The result of a job."""
        result = self.directory / "result"
        with client.ask("fetch", job=number) as reply, open(reply.take(), "rb") as file:
            result.write_bytes(file.read())
        return result
