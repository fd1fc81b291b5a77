"""The daemon's own condition: how far its start is, and what it renders on."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lipsyncd.system.notify import Notifier

DEGRADED = "degraded"  # what a daemon is in place of ready while a device is started anew


class Condition(StrEnum):
    """The states of the daemon, in the order it goes through them."""

    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    DRAINING = "draining"


class Described(Protocol):
    """Models that tell of themselves."""

    def describe(self) -> Mapping[str, object]:
        """What is loaded, looked at now."""

    def devices(self) -> Sequence[Mapping[str, object]]:
        """How each device is, as far as that is known without asking it."""


@dataclass(frozen=True)
class Health:
    """The daemon at one moment; of devices there are none before the models are loaded."""

    condition: Condition
    devices: Sequence[Mapping[str, object]] = ()

    @property
    def state(self) -> str:
        """The condition in a word, or that it is degraded."""
        is_degraded = self.condition is Condition.READY and self.lost
        return DEGRADED if is_degraded else str(self.condition)

    @property
    def is_ready(self) -> bool:
        """Whether a job can be rendered now."""
        return self.condition is Condition.READY and bool(self.serving)

    @property
    def serving(self) -> list[str]:
        """The devices that render."""
        return [str(each["device"]) for each in self.devices if each["state"] == "ready"]

    @property
    def lost(self) -> list[str]:
        """The devices that are started anew."""
        return [str(each["device"]) for each in self.devices if each["state"] != "ready"]


class Status:
    """The condition, a detail in words, and what is known of the models; for every thread.

    `news` is set at each change; whoever waits for it clears it.
    """

    def __init__(self, news: threading.Event | None = None) -> None:
        self.news = news or threading.Event()
        self._lock = threading.Lock()
        self._condition = Condition.STARTING
        self._detail = ""
        self._held: Described | None = None
        self._models: Mapping[str, object] = {}
        self.warning = ""  # what an operator should know, until the next start

    def enter(self, condition: Condition, detail: str) -> None:
        """The daemon goes on to `condition`; it never goes back."""
        with self._lock:
            order = list(Condition)
            if order.index(condition) >= order.index(self._condition):
                self._condition, self._detail = condition, detail
        self.news.set()

    def hold(self, models: Described) -> None:
        """The models are loaded, or others are."""
        with self._lock:
            self._held = models
            self._models = dict(models.describe())

    @property
    def condition(self) -> Condition:
        """Where the daemon is."""
        return self._condition

    @property
    def detail(self) -> str:
        """What it is doing there, in words; else what an operator should know."""
        return self._detail or self.warning

    @property
    def models(self) -> Mapping[str, object]:
        """What is loaded, as it was described then; empty before."""
        return self._models

    def describe(self) -> Mapping[str, object]:
        """What is loaded, looked at now."""
        return self._held.describe() if self._held else {}

    def health(self) -> Health:
        """How the daemon is now; asks no device."""
        return Health(self._condition, self._held.devices() if self._held else ())


log = logging.getLogger(__name__)

EXTENSION = 20.0  # seconds until the next word is due; systemd gives up a start that is silent
PAUSE = 0.25  # seconds between two requests for more time
LINE_PAUSE = 1.0  # seconds between two lines of the log


class Loading:
    """Takes the words of a load that moves, and asks systemd for more time each time."""

    def __init__(self, status: Status, condition: Condition, notifier: Notifier) -> None:
        self._status = status
        self._condition = condition
        self._notifier = notifier
        self._extended_at = self._logged_at = -float("inf")

    def __call__(self, detail: str) -> None:
        """Something moved; `detail` says what is being done."""
        self._status.enter(self._condition, detail)
        now = time.monotonic()
        if now - self._extended_at >= PAUSE:
            self._notifier.extend_timeout(EXTENSION)
            self._extended_at = now
        if now - self._logged_at >= LINE_PAUSE:
            log.info("%s: %s", self._condition, detail)
            self._logged_at = now
