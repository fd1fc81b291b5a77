"""What is asked of jobs that there are, each with one question: how they are, a change of them."""

from collections.abc import Collection, Iterator, Sequence

from lipsyncctl.client.daemon import Daemon
from lipsyncctl.client.job import Job
from lipsyncctl.client.list import Which, columns, newest
from lipsyncctl.client.session import ANSWER
from lipsyncctl.client.told import Answer, Columns, given
from lipsyncd.errors import UnknownJob

AT_ONCE = 200  # jobs in a request to remove them


class Jobs(Daemon):
    """The jobs of a daemon.  Every method raises UnknownJob for an id that is none of the
    caller's."""

    def status(self, job: str) -> Job:
        """A job as it is now; its message has the `seq` to `follow` it from.

        >>> print(client.status(job.id).state)
        """
        return self._ask_about(job, "status", ANSWER)

    def recount(self, job: str) -> Job:
        """A job as it is now; its message has the `changes`, each with the unix time `at` and the
        `state` that the job had from then on; and the `deeds` of who held, released or moved it.

        >>> [each["state"] for each in client.recount(job.id).message["changes"]]
        """
        return self._ask_about(job, "recount", ANSWER)

    def list(
        self,
        limit: int | None = None,
        state: str | Collection[str] | None = None,
        *,
        label: str | None = None,
        mine: bool = False,
        since: float = 0.0,
    ) -> "list[Job]":
        """The newest jobs (None: all), the newest last: the caller's own, for admins everybody's
        unless they ask for `mine`.

        Only those in a `state`, or in one of several; with a `label`; accepted `since` a moment, in
        Unix seconds.

        >>> print([job.id for job in client.list(limit=10, state=["queued", "running"])])
        """
        states = [state] if isinstance(state, str) else state
        return newest(self.address, limit, Which(states, label, mine, since))

    def columns(
        self,
        fields: Sequence[str],
        limit: int | None = None,
        state: str | Collection[str] | None = None,
        *,
        label: str | None = None,
        mine: bool = False,
        since: float = 0.0,
    ) -> Columns:
        """Some `fields` of the jobs that `list` gives, at a tenth of its cost: by field an array of
        its values, in the order of the jobs, None where a job has none.

        Not to be had are `options`, `error` and `notes`.

        >>> print(client.columns(["id", "face"], state="queued")["face"])
        """
        states = [state] if isinstance(state, str) else state
        return columns(self.address, fields, limit, Which(states, label, mine, since))

    def last(self) -> Job:
        """The job that the caller handed in last; UnknownJob if there is none.

        >>> print(client.last().state)
        """
        for job in self.list(1, mine=True):
            return job
        raise UnknownJob("You have handed in no job that is still known.", "Name one by its id.")

    def cancel(self, job: str) -> Job:
        """Stop a job; on return it has ended, and leaves no result. JobEnded if it had before.

        >>> client.cancel(job.id)
        """
        return self._ask_about(job, "cancel")

    def hold(self, job: str) -> Job:
        """A job that waits is not begun until `release`, also after a restart of the daemon.

        Its deadline stays. JobNotQueued if it does not wait.

        >>> client.hold(job.id)
        """
        return self._ask_about(job, "hold", ANSWER)

    def release(self, job: str) -> Job:
        """A job that is held is in the line again, at its end. JobNotQueued if it does not wait.

        >>> print(client.release(job.id).position)
        """
        return self._ask_about(job, "release", ANSWER)

    def move(self, job: str, to: str = "first", *, before: str | None = None) -> Job:
        """A job that waits is the `first` or the `last` of its user's with its priority and label,
        or comes right `before` another one of these; nobody else's job waits longer for it.

        JobNotQueued if one of them does not wait in this line, or is held.

        >>> print(client.move(job.id, before=other.id).position)
        """
        where = {"to": to} if before is None else {"to": "before", "before": before}
        return self._ask_about(job, "move", ANSWER, **where)

    def retry(
        self, job: str, redo: tuple[float, float | None] | None = None, **options: object
    ) -> Job:
        """A new job from the inputs of one that has ended without a result; or, of one that has
        succeeded, one that makes a stretch of the result anew and leaves the rest as it was.

        `redo` is the stretch, two times in seconds, None for the end; `options` are what is other
        in it, fields of `lipsyncd.protocol.redo.Redo`. Raises NotRetryable, JobNotEnded, NoResult,
        InputGone, and what `submit` does of a full queue.

        >>> other = client.retry(job.id, redo=(12.0, 15.5), expression=0.6)
        """
        stretch = given(dict(zip(("from", "to"), redo or (), strict=False)) | options)
        more: Answer = {"redo": stretch} if stretch else {}
        return self._ask_about(job, "retry", **more)

    def clean(self, jobs: str | Sequence[str] | None = None) -> Answer:
        """Remove jobs that have ended, with their results; without ids all of the caller's own.

        `jobs` and `bytes` are how much went. Raises JobNotEnded.

        >>> print(client.clean()["bytes"])
        """
        ids = [jobs] if isinstance(jobs, str) else jobs
        parts = [{}] if ids is None else [{"jobs": [*part]} for part in batched(ids, AT_ONCE)]
        # None: there may be many files to remove
        gone = [self._ask("clean", timeout=None, **fields) for fields in parts]
        counts = {name: sum(each[name] for each in gone) for name in ("jobs", "bytes")}
        return {"verb": "cleaned", **counts}

    def _ask_about(self, job: str, verb: str, timeout: float | None = None, **more: object) -> Job:
        return Job(self._ask(verb, timeout=timeout, job=job, **more))


def batched(ids: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """In their order, so many at a time."""
    return (ids[at : at + most] for at in range(0, len(ids), most))
