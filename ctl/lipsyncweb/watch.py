"""What becomes of jobs, for the tabs that are open: one follower, whoever looks on.

A change of a state is told by the daemon; how far the running ones are is asked each second, while
somebody looks and something runs.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from lipsyncctl import Client, Job
from lipsyncd.errors import LipsyncError
from lipsyncweb.jobs import Jobs

PAUSE = 1.0  # seconds between two looks at what runs, and two attempts to reach a daemon
IDLE = 5.0  # and where nothing does

News = list[Job] | LipsyncError


class Tab:
    """One that is open; of several news that come at once it takes the newest."""

    def __init__(self, name: str, jobs: Jobs) -> None:
        self.name = name
        self.jobs = jobs
        self._loop = asyncio.get_running_loop()
        self._news: News | None = None
        self._is_news = asyncio.Event()

    def tell(self, news: News) -> None:
        """From any thread."""
        self._news = news
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._is_news.set)

    async def next(self, seconds: float) -> News | None:
        """The news, waited for; None if there are none for so long."""
        try:
            await asyncio.wait_for(self._is_news.wait(), seconds)
        except TimeoutError:
            return None
        self._is_news.clear()
        return self._news


class Watch:
    """Looks on for all tabs, in two threads."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self._tabs: set[Tab] = set()
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._follower: Client | None = None
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._follow, self._tell)
        ]

    def start(self) -> None:
        """Both threads."""
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Soon nothing is told any more."""
        self._closed.set()
        self._changed.set()
        if self._follower:
            self._follower.close()

    def open(self, tab: Tab) -> None:
        """It is told how all is, then what changes."""
        self._tabs.add(tab)
        self._changed.set()

    def close(self, tab: Tab) -> None:
        """It is gone."""
        self._tabs.discard(tab)

    def look(self) -> None:
        """Something has been asked for here, so it has changed."""
        self._changed.set()

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                self._follower = self._client()
                for _ in self._follower.follow():
                    self._changed.set()
            except LipsyncError:
                self._changed.set()
            self._closed.wait(PAUSE)

    def _tell(self) -> None:
        is_active = False
        while not self._closed.is_set():
            self._changed.wait(PAUSE if is_active else IDLE)
            self._changed.clear()
            is_active = any([self._tell_user(name) for name in {each.name for each in self._tabs}])
            if is_active:  # so that a flood of changes costs no more than one look
                self._closed.wait(PAUSE / 4)

    def _tell_user(self, name: str) -> bool:
        """All tabs of one user; whether there is something to look at again soon."""
        tabs = [each for each in list(self._tabs) if each.name == name]
        if not tabs:
            return False
        try:
            news: News = tabs[0].jobs.list()
        except LipsyncError as error:
            news = error
        for tab in tabs:
            tab.tell(news)
        return not isinstance(news, list) or any(not job.is_ended for job in news)
