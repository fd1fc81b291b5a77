"""A scheduler with a real store, spool and updates, and renders that a test brings."""

import select
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lipsyncd.config import Config, Limits, LiveConfig, Render
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.terms import Terms
from lipsyncd.queue.scheduler import Scheduler
from lipsyncd.queue.snapshot import Opened
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import new_job
from lipsyncd.queue.updates import Subscription, Updates
from lipsyncd.system.notify import Notifier
from lipsyncd.system.watchdog import Heartbeat
from support.daemon.renderers import PacedRenderer
from support.daemon.renderers import Render as Rendering

ALICE, BOB = 1000, 2000


def live_config(
    max_active: int = 1,
    min_free_bytes: int = 0,
    max_runtime: int = 3600,
) -> LiveConfig:
    return LiveConfig(
        Config(
            render=Render(max_active=max_active),
            limits=Limits(min_free_bytes=min_free_bytes, max_runtime_seconds=max_runtime),
        )
    )


class Bench:
    """A scheduler with a real store, spool and updates, and a render thread to start."""

    def __init__(
        self, directory: Path, store: type[Store] = Store, choice: LiveConfig | None = None
    ) -> None:
        self.directory = directory
        self.live_config = choice or live_config()
        (directory / "spool").mkdir(exist_ok=True)
        self.database = Database(directory / "jobs.sqlite")
        self.store = store(self.database)
        self.spool = Spool(directory / "spool", self.live_config)
        self.updates = Updates()
        self.notifier = Notifier()
        heartbeat = Heartbeat(self.notifier)
        self.scheduler = Scheduler(
            self.store, self.spool, self.updates, heartbeat, self.live_config
        )
        self.thread: threading.Thread | None = None
        self.raised: list[BaseException] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.cleanup = ExitStack()

    def submit(self, owner: int = ALICE, **terms: Any) -> str:
        job = new_job(owner, "speaker.mp4", "hello.wav", Options(), Terms(**terms))
        with (self.directory / "input").open("wb+") as file:
            file.write(b"input")
            file.flush()
            self.spool.admit(job.id, Opened(file.fileno(), file.fileno()))
        self.subscriptions[job.id] = self.cleanup.enter_context(self.updates.subscribe(job.id))
        self.scheduler.enqueue(job)
        return job.id

    def start(self, render: Rendering) -> PacedRenderer:
        renderer = PacedRenderer(render)

        def run() -> None:
            try:
                self.scheduler.run(renderer)
            except BaseException as error:
                self.raised.append(error)

        self.thread = threading.Thread(target=run)
        self.thread.start()
        return renderer

    def end_of(self, job: str) -> Job:
        """The job once it has ended."""
        while not (found := next_post(self.subscriptions[job])).is_ended:
            pass
        return found

    def files_of(self, job: str) -> list[str]:
        directory = self.directory / "spool" / job
        return sorted(path.name for path in directory.iterdir()) if directory.exists() else []

    def close(self) -> None:
        self.scheduler.close()
        self.scheduler.stop(timeout=60.0)
        if self.thread:
            self.thread.join()
        self.cleanup.close()
        self.database.close()
        self.notifier.close()


def next_post(watch: Subscription) -> Job:
    select.select([watch], [], [])
    found = watch.take()
    assert found
    return found
