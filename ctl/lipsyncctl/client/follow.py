"""The changes of jobs' states, of one daemon or of several at once."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lipsyncctl.client.instances import holder
from lipsyncctl.client.outage import persistent
from lipsyncctl.client.session import open_client
from lipsyncctl.client.wait import happenings
from lipsyncctl.reach import Remark
from lipsyncd.jobs.job import ENDED

Change = tuple[Path, dict[str, Any]]  # what happened, or how far its daemon has come, and where


@dataclass(frozen=True)
class Found:
    """A job as it was when number `seq` was the newest of the daemon at `address`."""

    address: Path
    job: dict[str, Any]
    seq: int

    @property
    def is_ended(self) -> bool:
        return is_ended(self.job)

    def is_told(self, change: Change) -> bool:
        """Whether nothing more of this job comes after a change."""
        address, message = change
        if self.is_ended:
            return address == self.address and message["seq"] >= self.seq
        return is_end(message) and message["job"]["id"] == self.job["id"]


def find(addresses: Sequence[Path], jobs: Iterable[str], remark: Remark) -> list[Found]:
    """The jobs, wherever they are; UnknownJob if one of them is nowhere."""

    def look(job: str) -> Found:
        address = holder(addresses, job)
        with open_client(address) as client:
            described = client.ask("status", job=job).body
        return Found(address, described["job"], described["seq"])

    return [persistent(lambda job=job: look(job), remark) for job in jobs]


def changes_of(found: Iterable[Found], since: int | None, remark: Remark) -> Iterator[Change]:
    """What the daemons of these jobs tell after number `since`, or after the jobs were found."""
    starts: dict[Path, int | None] = {}
    for each in sorted(found, key=lambda each: each.seq):
        starts.setdefault(each.address, each.seq if since is None else since)
    return changes(starts, remark)


def changes(starts: Mapping[Path, int | None], remark: Remark) -> Iterator[Change]:
    """What the daemons tell, each after its number, as it comes; what one raises comes out."""
    told: SimpleQueue[Change | Exception] = SimpleQueue()

    def listen(address: Path, since: int | None) -> None:
        try:
            for message in happenings(address, since, remark):
                told.put((address, message))
        except Exception as error:
            told.put(error)

    for start in starts.items():
        threading.Thread(target=listen, args=start, daemon=True).start()
    while True:
        item = told.get()
        if isinstance(item, Exception):
            raise item
        yield item


def is_ended(job: Mapping[str, Any]) -> bool:
    """Nothing will change it any more."""
    return job["state"] in ENDED


def is_end(message: Mapping[str, Any]) -> bool:
    """Whether a message tells that a job has ended."""
    return message["verb"] == "happened" and is_ended(message["job"])
