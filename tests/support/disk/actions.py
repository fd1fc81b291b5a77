"""What a client or an operator does with a daemon whose disk fails meanwhile (harness.py).

Each act is a generator that stops twice: before calls may fail, and when they may no more.
"""

import time
from collections.abc import Callable, Iterator

from lipsyncd.errors import JobEnded, LipsyncError, UnknownJob
from support.client.session import Client
from support.disk.harness import PAUSE, Harness

Act = Callable[[Harness], Iterator[None]]
NO_MEDIA = b"no media at all"


def submit(harness: Harness) -> Iterator[None]:
    """A client that gets no answer comes back with its key."""
    key = harness.key()
    yield
    harness.attempt(lambda client: harness.promise(harness.hand_in(client, key)))
    yield
    harness.check(harness.submit(key))


def render(harness: Harness) -> Iterator[None]:
    """From a job's first step to its end."""
    harness.hold()
    job = harness.submit()
    yield
    harness.let_go()
    harness.attempt(lambda client: client.end_of(job))
    yield
    harness.check(job)


def look(harness: Harness) -> Iterator[None]:
    """Everything that changes nothing."""
    job = harness.submit()
    harness.check(job)
    yield
    harness.attempt(lambda client: client.job(job))
    harness.attempt(lambda client: client.ask("list"))
    harness.attempt(lambda client: client.ask("health"))
    harness.attempt(lambda client: client.ask("info"))
    harness.attempt(_follow)
    yield
    harness.check(job)


def cancel(harness: Harness) -> Iterator[None]:
    """A job that waits, and one that may be running."""
    harness.hold()
    jobs = [harness.submit(), harness.submit()]
    yield
    for job in jobs:
        if harness.attempt(lambda client, job=job: _cancel(client, job)):
            harness.jobs[job] = "cancelled"
    yield
    for job in jobs:
        harness.jobs[job] = harness.persist(lambda client, job=job: _cancel(client, job))
    harness.let_go()
    for job in jobs:
        harness.check(job)


def fetch(harness: Harness) -> Iterator[None]:
    """A result is handed out as it is, or not at all."""
    job = harness.submit()
    harness.check(job)
    yield
    found = harness.attempt(lambda client: client.result_of(job))
    yield
    if found is not None and found != harness.persist(lambda client: client.result_of(job)):
        harness.note("broken", "a result came out otherwise")


def clean(harness: Harness) -> Iterator[None]:
    """What is cleaned is gone; what could not be is there, or can be cleaned again."""
    job = harness.submit()
    harness.check(job)
    harness.jobs[job] = "clean"
    yield
    told = harness.attempt(lambda client: client.ask("clean", job=job)["jobs"])
    yield
    if told:
        harness.check(job)
    harness.persist(lambda client: _clean(client, job))
    harness.check(job)


def drain(harness: Harness) -> Iterator[None]:
    """Whoever is told that the queue is drained finds it so."""
    yield
    told = harness.attempt(lambda client: client.ask("drain", reason="a test"))
    yield
    if told and not harness.persist(_order):
        harness.note("undone", "the queue is not drained")
    harness.persist(lambda client: client.ask("resume"))


def resume(harness: Harness) -> Iterator[None]:
    """Whoever is told that the queue goes on finds it so."""
    harness.persist(lambda client: client.ask("drain", reason="a test"))
    yield
    told = harness.attempt(lambda client: client.ask("resume"))
    yield
    if told and harness.persist(_order):
        harness.note("undone", "the queue is drained")
    harness.persist(lambda client: client.ask("resume"))
    harness.check(harness.submit())


def reload(harness: Harness) -> Iterator[None]:
    """A configuration that cannot be read leaves the old one in force."""
    harness.configure(records=500_000 + int(harness.key().partition("-")[2]))
    yield
    harness.attempt(lambda client: client.ask("reload"))
    yield
    harness.persist(lambda client: client.ask("reload"))
    harness.check(harness.submit())


def retry(harness: Harness) -> Iterator[None]:
    """A job that failed, with inputs that were mended meanwhile."""
    face, content = harness.face, harness.face.read_bytes()
    face.write_bytes(NO_MEDIA)
    job = harness.submit(ends="failed")
    face.write_bytes(content)
    harness.check(job)
    (harness.state / "spool" / job / "face").write_bytes(content)
    yield
    told = harness.attempt(lambda client: client.ask("retry", job=job)["job"]["id"])
    yield
    harness.check(
        harness.promise(told or harness.persist(lambda c: c.ask("retry", job=job)["job"]["id"]))
    )


ACTS: dict[str, Act] = {
    act.__name__: act
    for act in (submit, render, look, cancel, fetch, clean, drain, resume, reload, retry)
}


def _cancel(client: Client, job: str) -> str:
    """How the job ended."""
    try:
        return str(client.ask("cancel", job=job)["job"]["state"])
    except JobEnded:
        return str(client.job(job)["state"])


def _clean(client: Client, job: str) -> bool:
    """Whether there was something left to clean."""
    try:
        return bool(client.ask("clean", job=job)["jobs"])
    except UnknownJob:
        return False


def _follow(client: Client) -> int:
    """All changes until now; the newest number, or 0 if some are not known any more."""
    try:
        client.say("follow", since=0)
        while True:
            with client.hear() as message:
                if message.body["verb"] == "idle":
                    return int(message.body["seq"])
    except LipsyncError as error:
        if error.name == "events.gone":
            return 0
        raise


def _order(client: Client) -> bool:
    """Whether the queue is drained, as soon as no fault of the disk, which passes, hides that."""
    while "is paused" in (said := client.ask("health")["paused"]):
        time.sleep(PAUSE)
    return "drained" in said
