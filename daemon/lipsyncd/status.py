"""The daemon's own condition: how far its start is, and what it renders on."""

import threading
from collections.abc import Mapping
from enum import StrEnum


class Condition(StrEnum):
    """The states of the daemon, in the order it goes through them."""

    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    DRAINING = "draining"


class Status:
    """The condition, a detail in words, and what is known of the models; for every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._condition = Condition.STARTING
        self._detail = ""
        self._models: Mapping[str, object] = {}

    def enter(self, condition: Condition, detail: str) -> None:
        """The daemon goes on to `condition`; it never goes back."""
        with self._lock:
            order = list(Condition)
            if order.index(condition) >= order.index(self._condition):
                self._condition, self._detail = condition, detail

    def hold(self, models: Mapping[str, object]) -> None:
        """The models are loaded; `models` describes them."""
        with self._lock:
            self._models = dict(models)

    @property
    def condition(self) -> Condition:
        """Where the daemon is."""
        return self._condition

    @property
    def detail(self) -> str:
        """What it is doing there, in words."""
        return self._detail

    @property
    def models(self) -> Mapping[str, object]:
        """What is loaded; empty before."""
        return self._models
