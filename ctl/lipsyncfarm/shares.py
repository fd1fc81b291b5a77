"""A long job in shares: each is handed in as a job of its own, and their work is put together.

A share's inputs are those of the long job and what was seen of its face, so that nobody looks at it
again.  Its result is work, which the daemon that joins goes on from.  What it needs is a host whose
bytes are those of the others; what comes from another one all the same is not used, and made anew.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, NamedTuple

from lipsyncd.errors import (
    JobInterrupted,
    LipsyncError,
    ServerUnreachable,
    StorageError,
)
from lipsyncd.protocol.ids import new_id
from lipsyncd.protocol.state import ENDED, State
from lipsyncfarm import identity
from lipsyncfarm.local import Tools
from lipsyncfarm.record import Fields, Record, Taken
from lipsyncfarm.spec import Input, Spec
from lipsyncfarm.store import MediaStore

log = logging.getLogger(__name__)

PLAN = "0-0/1"  # the share that is nothing but what is seen of the face, and heard


class Cut(NamedTuple):
    """How many shares there are, and the fingerprint of the bytes that they have."""

    shares: int
    needs: str


class Shares:
    """Those of one job that this host holds."""

    def __init__(self, tools: Tools, taken: Taken, spec: Spec, cut: Cut) -> None:
        self._tools = tools
        self._taken = taken
        self._spec = spec
        self._cut = cut

    def made(self, seen: Input, work: IO[bytes]) -> Iterator[dict[str, Any]]:
        """Have others go on from `work`, which the store has as `seen`, and put what they make
        behind it; each yield is how far they are.

        Raises what a share has failed with, and what the store raises.
        """
        found: list[Fields] = [{}] * self._cut.shares
        while not all(each.get("state") == State.SUCCEEDED for each in found):
            with suppress(ServerUnreachable, StorageError):  # Redis is away, or full
                found = self._looked_at(seen, found)
            refuse_failed(found)
            yield progress_of(found)
        work.seek(0, 2)
        for fields in found:
            self._append(fields, work)
        work.flush()

    def _looked_at(self, seen: Input, before: list[Fields]) -> list[Fields]:
        """How they are now; those are handed in that are not there, or not any more."""
        record, found = self._tools.record, []
        for number, fields in enumerate(before):
            id = fields.get("id") or self._handed_in(seen, number)
            now = record.of(id)
            found.append(now | {"id": id} if now else {})
        return found

    def _handed_in(self, seen: Input, number: int) -> str:
        """The id of a share's job, which its key brings back however often it is handed in."""
        record, spec, (count, needs) = self._tools.record, self._spec, self._cut
        share = f"{number}-{number + 1}/{count}"
        terms = {
            name: spec.terms[name] for name in ("priority", "max_runtime") if name in spec.terms
        }
        terms |= {"expires": self._taken.expires} if self._taken.expires else {}
        terms["key"] = f"{self._taken.id} {share} {needs} {seen.sha256[:16]}"
        made = Spec(
            spec.user,
            (*spec.inputs, seen),
            spec.voices,
            {**spec.options, "share": share},
            terms,
            share_of=self._taken.id,
            needs=needs,
        )
        id, text = new_id(), made.dumps()
        signature = identity.signature_for(record.farm, spec.user, id, text)
        return record.submit(id, made, text, signature)[1]

    def _append(self, fields: Fields, work: IO[bytes]) -> None:
        """The work of a share that was made, behind what is there; one that is damaged or gone is
        left to who joins."""
        start, digest = work.tell(), hashlib.sha256()
        with suppress(FileNotFoundError):
            for piece in self._tools.store.read(fields["result"]):
                digest.update(piece)
                work.write(piece)
        if digest.hexdigest() != fields["result_sha256"]:
            log.warning("%s: a share is damaged in the store", self._taken.id)
            work.seek(start)
            work.truncate()


def cut_of(record: Record, id: str, needs: str) -> Cut | None:
    """Into which shares of these bytes a job was cut before, by whoever led it then."""
    for _, fields in record.shares_of(id):
        if fields["needs"] == needs:
            share = Spec.loads(fields["spec"]).options["share"]
            return Cut(int(share.rpartition("/")[2]), needs)
    return None


def discard(record: Record, store: MediaStore, id: str) -> None:
    """The shares of a job have had their use; what cannot be removed now is swept."""
    with suppress(LipsyncError):
        for each, fields in record.shares_of(id):
            if fields["state"] in ENDED:
                if result := fields.get("result"):
                    store.remove(result)
                record.forget(each)


def refuse_failed(shares: list[Fields]) -> None:
    """Raise what one of them has failed with."""
    for each in shares:
        if each.get("state") in ENDED - {State.SUCCEEDED}:
            if told := each.get("error"):
                raise LipsyncError.from_map(json.loads(told))
            raise JobInterrupted("A share of it was cancelled.", "`retry` it.")


def progress_of(shares: list[Fields]) -> dict[str, Any]:
    """How far a job is, by its shares."""
    told = [json.loads(each.get("progress") or "{}") for each in shares]
    sums = {name: sum(each.get(name) or 0 for each in told) for name in ("done", "faces", "fps")}
    total = max((each.get("total") or 0 for each in told), default=0)
    notes: list[str] = next((each["notes"] for each in told if each.get("notes")), [])
    return sums | {"total": total, "notes": notes}
