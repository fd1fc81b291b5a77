"""What a client or an operator does with a daemon whose disk fails meanwhile (harness.py).

Each act is a generator that stops twice: before calls may fail, and when they may no more.
"""

import time
from collections.abc import Callable, Iterator

from lipsyncd.errors import JobEnded, LipsyncError, UnknownJob
from support.client.session import Client
from support.disk.harness import PAUSE, World

Act = Callable[[World], Iterator[None]]
NO_MEDIA = b"no media at all"


def submit(world: World) -> Iterator[None]:
    """A client that gets no answer comes back with its key."""
    key = world.key()
    yield
    world.attempt(lambda client: world.promise(world.hand_in(client, key)))
    yield
    world.check(world.submit(key))


def render(world: World) -> Iterator[None]:
    """From a job's first step to its end."""
    world.hold()
    job = world.submit()
    yield
    world.let_go()
    world.attempt(lambda client: client.end_of(job))
    yield
    world.check(job)


def look(world: World) -> Iterator[None]:
    """Everything that changes nothing."""
    job = world.submit()
    world.check(job)
    yield
    world.attempt(lambda client: client.job(job))
    world.attempt(lambda client: client.ask("list"))
    world.attempt(lambda client: client.ask("health"))
    world.attempt(lambda client: client.ask("info"))
    world.attempt(_follow)
    yield
    world.check(job)


def cancel(world: World) -> Iterator[None]:
    """A job that waits, and one that may be running."""
    world.hold()
    jobs = [world.submit(), world.submit()]
    yield
    for job in jobs:
        if world.attempt(lambda client, job=job: _cancel(client, job)):
            world.jobs[job] = "cancelled"
    yield
    for job in jobs:
        world.jobs[job] = world.persist(lambda client, job=job: _cancel(client, job))
    world.let_go()
    for job in jobs:
        world.check(job)


def fetch(world: World) -> Iterator[None]:
    """A result is handed out as it is, or not at all."""
    job = world.submit()
    world.check(job)
    yield
    found = world.attempt(lambda client: client.result_of(job))
    yield
    if found is not None and found != world.persist(lambda client: client.result_of(job)):
        world.note("broken", "a result came out otherwise")


def clean(world: World) -> Iterator[None]:
    """What is cleaned is gone; what could not be is there, or can be cleaned again."""
    job = world.submit()
    world.check(job)
    world.jobs[job] = "clean"
    yield
    told = world.attempt(lambda client: client.ask("clean", job=job)["jobs"])
    yield
    if told:
        world.check(job)
    world.persist(lambda client: _clean(client, job))
    world.check(job)


def drain(world: World) -> Iterator[None]:
    """Whoever is told that the queue is drained finds it so."""
    yield
    told = world.attempt(lambda client: client.ask("drain", reason="a test"))
    yield
    if told and not world.persist(_order):
        world.note("undone", "the queue is not drained")
    world.persist(lambda client: client.ask("resume"))


def resume(world: World) -> Iterator[None]:
    """Whoever is told that the queue goes on finds it so."""
    world.persist(lambda client: client.ask("drain", reason="a test"))
    yield
    told = world.attempt(lambda client: client.ask("resume"))
    yield
    if told and world.persist(_order):
        world.note("undone", "the queue is drained")
    world.persist(lambda client: client.ask("resume"))
    world.check(world.submit())


def reload(world: World) -> Iterator[None]:
    """A configuration that cannot be read leaves the old one in force."""
    world.configure(records=500_000 + int(world.key().partition("-")[2]))
    yield
    world.attempt(lambda client: client.ask("reload"))
    yield
    world.persist(lambda client: client.ask("reload"))
    world.check(world.submit())


def retry(world: World) -> Iterator[None]:
    """A job that failed, with inputs that were mended meanwhile."""
    face, content = world.face, world.face.read_bytes()
    face.write_bytes(NO_MEDIA)
    job = world.submit(ends="failed")
    face.write_bytes(content)
    world.check(job)
    (world.state / "spool" / job / "face").write_bytes(content)
    yield
    told = world.attempt(lambda client: client.ask("retry", job=job)["job"]["id"])
    yield
    world.check(
        world.promise(told or world.persist(lambda c: c.ask("retry", job=job)["job"]["id"]))
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
