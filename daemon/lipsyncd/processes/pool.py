"""The pool: all devices of a configuration, and which of them serves which render."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from lipsyncd.config import Config
from lipsyncd.processes.device import Device
from lipsyncd.processes.render import RenderProcess
from lipsyncd.queue.renderer import Report


class Pool:
    """A render goes to the device that has the fewest, and to another when that is lost."""

    def __init__(self, devices: list[Device]) -> None:
        """The devices are kept alive from now on."""
        self._lock = threading.Lock()
        self._devices = devices
        self._renders: dict[RenderProcess, Device] = {}
        self._successor: Self | None = None
        self._on_change: Callable[[], None] = lambda: None
        for device in devices:
            device.keep(self._changed)

    def watch(self, on_change: Callable[[], None]) -> None:
        """From now on call `on_change` when a device is lost, and when it is back."""
        self._on_change = on_change

    @contextmanager
    def serving(self, render: RenderProcess) -> Iterator[None]:
        """The render has a device until the end of the block."""
        self._take(render)
        try:
            yield
        finally:
            self._release(render)

    def succeed(self, before: Self) -> None:
        """Serve what another pool has served so far; its devices end when they are done."""
        with before._lock:
            before._successor = self
            renders, before._renders = list(before._renders), {}
        for render in renders:
            self._take(render)
        before.retire()

    def retire(self) -> None:
        """The devices end with the last render that they serve."""
        for device in self._devices:
            device.retire()

    def check(self) -> None:
        """Raise DeviceLost if a device is given up."""
        for device in self._devices:
            device.check()

    @property
    def checkpoint(self) -> tuple[str, str]:
        """The name and the hash of what all devices hold."""
        return self._devices[0].checkpoint

    def describe(self) -> list[dict[str, object]]:
        """What each device says of itself, and how it is."""
        said = [each.describe() for each in self._devices]
        return [{**each, **row} for each, row in zip(said, self.devices(), strict=True)]

    def devices(self) -> list[dict[str, object]]:
        """How each device is, as far as that is known without asking it."""
        with self._lock:
            taken = list(self._renders.values())
        return [{**each.health(), "jobs": taken.count(each)} for each in self._devices]

    def _take(self, render: RenderProcess) -> None:
        """Choose its device, in the pool that there is by now."""
        with self._lock:
            if self._successor is None:
                return self._lead(render)
        return self._successor._take(render)

    def _lead(self, render: RenderProcess) -> None:
        """To the device with the fewest of those that are ready, else of all, to wait for it."""
        taken = [its for each, its in self._renders.items() if each is not render]
        ranks = {each: (each.state != "ready", taken.count(each)) for each in self._devices}
        self._renders[render] = device = min(self._devices, key=ranks.__getitem__)
        if channel := device.channel():
            render.serve_by(channel)

    def _release(self, render: RenderProcess) -> None:
        with self._lock:
            if self._renders.pop(render, None):
                return
        if self._successor:
            self._successor._release(render)

    def _changed(self, device: Device) -> None:
        """A device is lost, or back: whom it served goes on elsewhere, or with its new process."""
        with self._lock:
            for render in [each for each, its in self._renders.items() if its is device]:
                self._lead(render)
        self._on_change()


def load_devices(config: Config, cache: Path, report: Report) -> list[Device]:
    """All devices of a configuration, at the same time.  Raises the first error there is."""

    def load(name: str) -> Device:
        wanted = {
            "device": name,
            "checkpoint": str(config.checkpoint),
            "batch": config.render.batch,
            "cache": str(cache),
            "precision": config.render.precision,
        }
        return Device(wanted, config.warm_interval_seconds, config.render.stall_seconds, report)

    with ThreadPoolExecutor(len(config.devices), "load") as threads:
        coming = [threads.submit(load, name) for name in config.devices]
    if failed := next((each.exception() for each in coming if each.exception()), None):
        Pool([each.result() for each in coming if not each.exception()]).retire()
        raise failed
    return [each.result() for each in coming]
