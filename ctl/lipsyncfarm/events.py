"""Each change of jobs' states in a farm, once and in order."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from lipsyncctl import Event
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.outage import persistent
from lipsyncctl.client.session import Notice
from lipsyncd.errors import EventsGone
from lipsyncd.protocol.state import ENDED
from lipsyncfarm.record import Fields, Record
from lipsyncfarm.views import job_of

LISTENING = 2.0  # seconds for which Redis is asked at a time

Found = Sequence[tuple[str, Fields]]


class Changes:
    """Those that a user (None: an admin) may see, until somebody has closed them."""

    def __init__(
        self, record: Record, user: str | None, is_closed: Callable[[], bool], notice: Notice
    ) -> None:
        self._record = record
        self._user = user
        self._is_closed = is_closed
        self._notice = notice

    def of(self, found: Found, since: int | None) -> Iterator[Event]:
        """How jobs are, unless their past is told, then each change until all have ended; without
        jobs each change of any, without end.  Raises EventsGone.
        """
        if since is not None and self._record.first_event() > since + 1:
            raise EventsGone(f"What came after change {since} is forgotten.", "Begin without it.")
        if not found:
            return self._after(self._record.seq() if since is None else since)
        return self._of_jobs(found, since)

    def _of_jobs(self, found: Found, since: int | None) -> Iterator[Event]:
        begun = {id: int(fields["seq"]) for id, fields in found}
        left = set()
        for id, fields in found:
            is_over = fields["state"] in ENDED and (since is None or since >= begun[id])
            if since is None or is_over:
                job = job_of(self._record.farm, "described", id, fields, seq=begun[id])
                yield Event(job, begun[id])
            if not is_over:
                left.add(id)
        changes = self._after(min(begun.values()) if since is None else since)
        while left and (event := next(changes, None)):
            is_news = since is not None or event.seq > begun.get(event.job.id, 0)
            if event.job.id in left and is_news:
                yield event
                left -= {event.job.id} if event.job.is_ended else set()

    def _after(self, seq: int) -> Iterator[Event]:
        while not self._is_closed():
            ask = partial(self._record.events, seq, LISTENING)
            for number, fields in persistent(ask, self._notice, Deadline()):
                seq = number
                if event := self._event(number, fields):
                    yield event

    def _event(self, seq: int, fields: Mapping[str, str]) -> Event | None:
        """A change, unless it is none of the user's or of a job that has been swept."""
        id, change = fields["job"], json.loads(fields["record"])
        if self._user not in (None, change["user"]) or not (now := self._record.of(id)):
            return None
        told = {"spec": now["spec"]} | change
        at = int(fields["at"]) / 1000
        return Event(job_of(self._record.farm, "happened", id, told, seq=seq, at=at), seq)
