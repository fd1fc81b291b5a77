"""A job's record in Redis: what became of it, and the moves by which it goes on."""

import json
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import redis

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.job import ID_LENGTH, MIN_BEGINNING
from lipsyncfarm.broker import named
from lipsyncfarm.config import Farm
from lipsyncfarm.spec import LEVELS, Spec

PARTS = ("record.lua", "moves.lua")
PAGE = 200  # records that are asked for at once

Fields = dict[str, str]  # a record as Redis has it


class Taken(NamedTuple):
    """A job that a host has taken: `expires` is in how many seconds it is of no use, or None."""

    id: str
    fence: int
    spec: str
    signature: str
    expires: float | None


class Record:
    """The records of a farm.  Each method may raise what `broker.named` does."""

    def __init__(self, farm: Farm, client: "redis.Redis") -> None:
        self.farm = farm
        self.client = client
        texts = [files("lipsyncfarm").joinpath(part).read_text(encoding="utf-8") for part in PARTS]
        self._script = client.register_script("\n".join(texts))

    def submit(self, id: str, spec: Spec, text: str, signature: str) -> tuple[str, str]:
        """`accepted` and the job's id, or that of the job with its key; else which bound was met,
        and its figure."""
        farm, expires = self.farm, spec.terms.get("expires")
        due = "" if expires is None else round(1000 * expires)
        level, bounds = LEVELS[spec.priority], (farm.max_jobs, farm.max_jobs_per_user)
        what = (id, spec.user, level, text, signature, spec.key or "", due)
        said, value = self._move("submit", *what, *bounds)
        return said, value

    def take(self, fingerprint: str = "") -> Taken | None:
        """The next job for this host, which has a lease on it from now on; `fingerprint` is of the
        bytes that it makes."""
        found = self._move("take", self.farm.host, self._lease, fingerprint)
        if not found:
            return None
        id, fence, spec, signature, expiry, now = found
        expires = max((float(expiry) - float(now)) / 1000, 0.001) if expiry else None
        return Taken(id, int(fence), spec, signature, expires)

    def renew(self, id: str, fence: int, progress: Mapping[str, Any] | None) -> str:
        """held, cancel, lost or gone; `progress` is told to whoever looks."""
        told = json.dumps(progress) if progress else ""
        return str(self._move("renew", id, fence, self._lease, told))

    def finish(self, id: str, fence: int, state: str, **fields: Any) -> str:
        """The end of a job that this host holds: done, lost or gone."""
        pairs = [part for name, value in fields.items() for part in (name, coded(value))]
        return str(self._move("finish", id, fence, state, *pairs))

    def fail(self, id: str, fence: int, error: LipsyncError) -> str:
        """This host cannot do it; another tries: queued, failed (the third time), lost, gone."""
        return str(self._move("fail", id, fence, self.farm.host, json.dumps(error.as_map())))

    def back(self, id: str, fence: int) -> str:
        """This host gives it back before it has begun."""
        return str(self._move("back", id, fence))

    def cancel(self, id: str, user: str) -> str:
        """unknown, ended, cancelled, or asked; `user` is empty for an admin."""
        return str(self._move("cancel", id, user))

    def beat(self, info: Mapping[str, Any]) -> tuple[int, int]:
        """This host is there: how many jobs are queued, and how many were taken from lost hosts."""
        queued, lost = self._move("beat", self.farm.host, json.dumps(info))
        return int(queued), int(lost)

    def restore(self, taken: Taken, spec: Spec) -> str:
        """A job that Redis has forgotten, and this host has: held, or lost."""
        what = (taken.id, taken.fence, spec.user, LEVELS[spec.priority], taken.spec)
        return str(self._move("restore", *what, taken.signature, self.farm.host, self._lease))

    def forget(self, id: str) -> None:
        """An ended job leaves the records."""
        self._move("forget", id)

    def of(self, id: str) -> Fields | None:
        """One job's record."""
        with named(self.farm):
            fields: Any = self.client.hgetall(self._key(f"job:{id}"))
        return fields or None

    def beginning(self, text: str, user: str) -> list[str]:
        """The ids of a user's own jobs that begin so, if it is the beginning of one."""
        if not MIN_BEGINNING <= len(text) < ID_LENGTH:
            return []
        with named(self.farm):
            ids: Any = self.client.zrange(self._key(f"jobs:{user}"), 0, -1)
        return [id for id in ids if id.startswith(text)]

    def shares_of(self, id: str) -> list[tuple[str, Fields]]:
        """The jobs that make shares of this one, with their records."""
        with named(self.farm):
            ids: Any = self.client.smembers(self._key(f"shares:{id}"))
        return [(each, fields) for each in sorted(ids) if (fields := self.of(each))]

    def newest(self, user: str | None, limit: int | None) -> list[tuple[str, Fields]]:
        """So many of the user's (None: everybody's) records, the newest last."""
        name = self._key("jobs" if user is None else f"jobs:{user}")
        with named(self.farm):
            ids: Any = self.client.zrevrange(name, 0, -1 if limit is None else limit - 1)
            found: list[tuple[str, Fields]] = []
            for at in range(0, len(ids), PAGE):
                page = ids[at : at + PAGE]
                pipeline = self.client.pipeline(transaction=False)
                for id in page:
                    pipeline.hgetall(self._key(f"job:{id}"))
                found += zip(page, pipeline.execute(), strict=True)
        return [(id, fields) for id, fields in reversed(found) if fields]

    def hosts(self) -> Iterator[tuple[str, float, dict[str, Any]]]:
        """Each host that was seen, how many seconds ago, and what it told."""
        with named(self.farm):
            seen: Any = self.client.zrange(self._key("hosts"), 0, -1, withscores=True)
            seconds, micros = self.client.time()
            told: Any = self.client.mget([self._key(f"host:{host}") for host, _ in seen] or ["-"])
        for (host, at), info in zip(seen, told, strict=False):
            yield host, seconds + micros / 1e6 - at / 1000, json.loads(info or "{}")

    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many run."""
        with named(self.farm):
            waiting, running = (
                sum(map(int, self.client.hvals(self._key(name)))) for name in ("waiting", "running")
            )
        return waiting, running

    def seq(self) -> int:
        """The number of the newest change of any job's state."""
        with named(self.farm):
            return int(self.client.get(self._key("seq")) or 0)

    def events(self, since: int, seconds: float) -> list[tuple[int, dict[str, str]]]:
        """The changes after that number, as soon as there are some, or none after so long."""
        stream: Any = {self._key("events"): f"{since}-0"}
        with named(self.farm):
            found: Any = self.client.xread(stream, count=PAGE, block=round(1000 * seconds))
        return [(int(id.partition("-")[0]), fields) for _, each in found for id, fields in each]

    def first_event(self) -> int:
        """The number of the oldest change that is still known, 0 if none is."""
        with named(self.farm):
            found: Any = self.client.xrange(self._key("events"), count=1)
        return int(found[0][0].partition("-")[0]) if found else 0

    def ended_before(self, seconds: float) -> list[str]:
        """Jobs that ended longer ago than that."""
        with named(self.farm):
            now, micros = self.client.time()
            most = 1000 * (now - seconds) + micros / 1000
            found: Any = self.client.zrangebyscore(self._key("ended"), "-inf", most, 0, PAGE)
        return list(found)

    def ahead(self) -> float:
        """By how many seconds this host's clock is ahead of Redis's, which is the farm's."""
        with named(self.farm):
            seconds, micros = self.client.time()
        return time.time() - seconds - micros / 1e6

    def is_needed(self, sha256: str) -> bool:
        """Whether a record names this input."""
        with named(self.farm):
            return bool(self.client.hexists(self._key("inputs"), sha256))

    @property
    def _lease(self) -> int:
        return 1000 * self.farm.lease_seconds

    def _key(self, name: str) -> str:
        return self.farm.prefix + name

    def _move(self, verb: str, *arguments: Any) -> Any:
        with named(self.farm):
            return self._script(keys=[self.farm.prefix], args=[verb, *arguments])


def coded(value: object) -> object:
    """As a field of a record holds it."""
    return json.dumps(value) if isinstance(value, dict | list) else value
