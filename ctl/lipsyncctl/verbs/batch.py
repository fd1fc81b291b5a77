"""A batch: many jobs by one command, each handed in when there is room, and its result fetched."""

import time
from argparse import Namespace
from collections import deque
from collections.abc import Mapping, Sequence

from lipsyncctl.client.client import Client
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import AWAY
from lipsyncctl.client.submit import Source
from lipsyncctl.show.console import Console
from lipsyncctl.show.wording import sentence, summed
from lipsyncctl.verbs.ending import deliver
from lipsyncctl.verbs.handing import handed_in
from lipsyncctl.verbs.tasks import Task
from lipsyncd.errors import LipsyncError, QueueFull

REPEAT = "the same command again goes on, and does nothing twice"

Sources = Mapping[str, Source]  # what is opened for a name that was typed


class Batch:
    """How far it has come: jobs that are `waiting` for their end, and the exit codes of others."""

    def __init__(self, console: Console, client: Client, arguments: Namespace) -> None:
        self.console = console
        self.client = client
        self.is_going_on: bool = arguments.keep_going
        self.on_finish: str | None = arguments.on_finish
        self.waiting: deque[tuple[Job, Task]] = deque()
        self.codes: list[int] = []

    @property
    def is_over(self) -> bool:
        """Something went wrong, and that is the end."""
        return any(self.codes) and not self.is_going_on

    @property
    def code(self) -> int:
        """The first that is not 0."""
        return next((code for code in self.codes if code), 0)

    def run(self, tasks: Sequence[Task], sources: Sources) -> None:
        """Returns when all have ended, or one has that did not succeed."""
        for task in tasks:
            if self.is_over:
                return
            self.hand_in(task, sources)
        while self.waiting and not self.is_over:
            self.finish()

    def hand_in(self, task: Task, sources: Sources) -> None:
        """As soon as there is room, for which the oldest of ours have to end, or others."""
        while not self.is_over:
            try:
                job = once_for_all(self.console, self.client, task, sources)
            except AWAY:
                raise
            except LipsyncError as error:
                if isinstance(error, QueueFull) and self.makes_room(error):
                    continue
                self.console.error(error)
                self.codes.append(error.code)
                return
            else:
                self.waiting.append((job, task))
                return

    def makes_room(self, error: QueueFull) -> bool:
        """Whether one of ours has ended, or enough time has gone by for those of others."""
        if self.waiting:
            self.finish()
        elif error.retry_after_ms is None:
            return False
        else:
            self.console.notice(sentence(error.as_map()))
            time.sleep(error.retry_after_ms / 1000)
        return True

    def finish(self) -> None:
        """The oldest one ends, and its result is put in its place."""
        job, task = self.waiting[0]
        try:
            code = deliver(
                self.console,
                self.client,
                job.id,
                task.destination,
                Deadline(),
                on_finish=self.on_finish,
            )
        except AWAY:
            raise
        except LipsyncError as error:
            self.console.error(error, job.id)
            code = error.code
        self.waiting.popleft()
        self.codes.append(code)

    def sum_up(self, count: int, kept: int) -> None:
        """How it went with `count` of them; `kept` results were there before."""
        failed = sum(1 for code in self.codes if code)
        message = {
            "verb": "summed",
            "succeeded": len(self.codes) - failed,
            "failed": failed,
            "waiting": len(self.waiting),
            "left": count - len(self.codes) - len(self.waiting),
            "kept": kept,
        }
        self.console.json(message)
        self.console.notice(summed(message))


def once_for_all(console: Console, client: Client, task: Task, sources: Sources) -> Job:
    """The job that a repeated batch finds again; a new one if that has no result any more."""
    key = task.arguments.key or task.key
    job = handed_in(console, client, task, sources, key)
    while job.is_ended and not has_result(job) and key and not task.arguments.key:
        key = f"{task.key}-{job.id}"
        job = handed_in(console, client, task, sources, key)
    return job


def has_result(job: Job) -> bool:
    """Whether it can be fetched; a daemon removes results after a while."""
    return job.state == "succeeded" and bool(job.get("spool_bytes", 1))
