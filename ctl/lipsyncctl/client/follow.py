"""Each change of jobs' states, once and in order, through restarts of the daemon."""

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Self

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.event import Event
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import AWAY, Outage, persistent
from lipsyncctl.client.session import Notice, Session, open_session
from lipsyncd.protocol.state import ENDED

Message = dict[str, Any]  # what happened, or how far the daemon has come


@dataclass(frozen=True)
class Found:
    """A job as it was when number `seq` was the newest."""

    job: Job
    seq: int

    def is_last(self, message: Message) -> bool:
        """Whether nothing more of this job comes after what was told."""
        if self.job.is_ended:
            return bool(message["seq"] >= self.seq)
        is_end = is_change(message) and message["job"]["state"] in ENDED
        return is_end and message["job"]["id"] == self.job.id

    def is_over(self, since: int | None) -> bool:
        """Whether nothing more comes of this job after number `since`."""
        return self.job.is_ended and (since is None or since >= self.seq)


class Stream:
    """What the daemon tells after a number, as it comes; what it raises comes out.

    It is listened to in a thread; notices are given in the thread that iterates.
    """

    def __init__(self, address: str, since: int | None, notice: Notice, deadline: Deadline) -> None:
        self._address = address
        self._notice = notice
        self._deadline = deadline
        self._told: SimpleQueue[Message | str | Exception | None] = SimpleQueue()
        self._first: Message | None = None  # told by `begin`
        self._session: Session | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._listen, args=[since], daemon=True).start()

    def begin(self) -> Self:
        """Wait until the daemon has told how far it is: what happens from now on will be told."""
        try:
            self._first = self._next()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End the iteration, in whatever thread it is, and the listening."""
        self._closed.set()
        if session := self._session:
            session.connection.hang_up()
        self._told.put(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        told, self._first = self._first or self._next(), None
        if told is None:
            raise StopIteration
        return told

    def _next(self) -> Message | None:
        """What is told next; None when the stream is closed."""
        while not self._closed.is_set():
            try:
                told = self._told.get(timeout=self._deadline.left)
            except Empty:
                self._deadline.check()
                continue
            if isinstance(told, Exception):
                raise told
            if not isinstance(told, str):
                return told
            self._notice(told)
        return None

    def _listen(self, since: int | None) -> None:
        """Until the stream is closed, or the daemon stays away or has forgotten what comes next."""
        outage = Outage(self._told.put, self._deadline)
        try:
            while not self._closed.is_set():
                try:
                    with open_session(self._address, self._deadline, is_question=True) as session:
                        self._session = session
                        if self._closed.is_set():  # before it could hang up
                            return
                        for message in follow_from(session, since):
                            outage.end()
                            since = message["seq"]
                            self._told.put(message)
                except AWAY as error:
                    if not self._closed.is_set():
                        outage.endure(error)
        except Exception as error:
            self._told.put(error)


def follow_from(session: Session, since: int | None) -> Iterator[Message]:
    """Every change after number `since` (None: from now on), each once; between them `idle`."""
    fields = {} if since is None else {"since": since}
    for message in session.stream("follow", **fields):
        yield message.body


def find(address: str, jobs: Iterable[str], notice: Notice, deadline: Deadline) -> list[Found]:
    """The jobs as they are now; UnknownJob if there is no such one."""

    def look(job: str) -> Found:
        with open_session(address, deadline, is_question=True) as session:
            described: Message = session.ask("status", job=job).body
        return Found(Job(described), described["seq"])

    return [persistent(partial(look, job), notice, deadline) for job in jobs]


def start_of(found: Iterable[Found]) -> int:
    """The number after which everything is news of one of these jobs."""
    return min(each.seq for each in found)


def all_events(stream: Stream) -> Iterator[Event]:
    """Each change of any job, without end."""
    with closing(stream):
        for message in stream:
            if is_change(message):
                yield Event(Job(message), message["seq"])


def events_of(found: Sequence[Found], since: int | None, stream: Stream) -> Iterator[Event]:
    """How the jobs are, unless their past is told, then each change, until all have ended."""
    with closing(stream):
        for each in found:
            if since is None or each.is_over(since):
                yield Event(each.job, each.seq)
        begun = {each.job.id: each.seq if since is None else since for each in found}
        left = [each for each in found if not each.is_over(since)]
        while left and (message := next(stream, None)):
            if is_change(message) and message["seq"] > begun.get(message["job"]["id"], math.inf):
                yield Event(Job(message), message["seq"])
            left = [each for each in left if not each.is_last(message)]


def is_change(message: Mapping[str, Any]) -> bool:
    """Whether a message tells that a job has changed its state."""
    return bool(message["verb"] == "happened")
