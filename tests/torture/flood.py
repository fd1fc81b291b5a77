"""A flood of ten times the bound: all are answered, and another user's job is not held up.

`PYTHONPATH=tests python tests/torture/flood.py`, as root: the clients become other users.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon

from lipsyncd.errors import LipsyncError, QueueFull

USERS = (4001, 4002, 4003, 4004)
CLIENTS = 13  # of each user, all at the same time: 52
OTHER = 4005  # who has a single job
TIMES = 10  # the bound
BOUND = 13  # jobs of one user that may wait


@dataclass
class Tally:
    """What the clients met; `ahead` counts the jobs that began before the single one."""

    clients: int = len(USERS) * CLIENTS
    bound: int = BOUND * len(USERS)
    accepted: int = 0
    refused: int = 0
    without_advice: int = 0
    ahead: int = 0
    others: dict[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        sent = TIMES * self.bound
        is_whole = self.accepted == self.bound and self.accepted + self.refused == sent
        return is_whole and not self.others and not self.without_advice and self.ahead <= len(USERS)


def flood(directory: Path) -> Tally:
    """Everybody submits while nothing is rendered; then the single job comes, and all go on."""
    limits = f"max_jobs = {BOUND * len(USERS) + 1}\nmax_jobs_per_user = {BOUND}"
    toml = f"[render]\nmax_active = 1\n[limits]\n{limits}\nmin_free_bytes = 0\n"
    directory.chmod(0o755)
    with reencoding_daemon(directory, toml) as daemon:
        (directory / "control.sock").chmod(0o666)
        daemon.hold()
        running = daemon.submit()
        while daemon.persist(lambda client: client.job(running))["state"] != "running":
            pass
        tally = met(daemon)
        (single,) = as_users([OTHER], daemon.submit)
        daemon.let_go()
        begun = daemon.end_of(single)["started_at"]
        jobs = daemon.persist(lambda client: client.ask("list"))["jobs"]
        for job in jobs:
            ended = daemon.end_of(job["id"])
            tally.ahead += job["id"] != running and ended["started_at"] < begun
    return tally


def met(daemon: ReencodingDaemon) -> Tally:
    """What all clients of all users were told, at the same time."""
    answers = as_users(USERS, lambda: flooded(daemon))
    names = sum(answers, Counter[str]())
    tally = Tally(accepted=names.pop("accepted", 0), refused=names.pop("queue.full", 0))
    tally.without_advice = names.pop("no advice", 0)
    tally.others = dict(names)
    return tally


def flooded(daemon: ReencodingDaemon) -> Counter[str]:
    """What one user's clients met."""
    met: Counter[str] = Counter()
    threads = [threading.Thread(target=insist, args=[daemon, met]) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return met


def insist(daemon: ReencodingDaemon, met: Counter[str]) -> None:
    """One client, which submits over and over in one session."""
    try:
        with daemon.client() as client:
            for _ in range(TIMES * BOUND // CLIENTS):
                met[answer(daemon, client, met)] += 1
    except (OSError, EOFError) as error:
        met[type(error).__name__] += 1


def answer(daemon: ReencodingDaemon, client: Any, met: Counter[str]) -> str:
    try:
        client.hand_in(daemon.face, daemon.voice)
    except QueueFull as error:
        met["no advice"] += not error.retry_after_ms
        return error.name
    except LipsyncError as error:
        return error.name
    return "accepted"


def as_users(users: Sequence[int], act: Callable[[], Any]) -> list[Any]:
    """What comes of an act in a process of each of these users, all at the same time."""
    fork = multiprocessing.get_context("fork")
    pipes = [fork.Pipe() for _ in users]

    def become(user: int, pipe: Connection) -> None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        pipe.send(act())

    for user, (_, pipe) in zip(users, pipes, strict=True):
        fork.Process(target=become, args=[user, pipe]).start()
        pipe.close()  # the child's end, so that its death is heard
    return [pipe.recv() for pipe, _ in pipes]


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tally = flood(Path(directory))
    print(json.dumps({"torture": "flood"} | asdict(tally)))
    return 0 if tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
