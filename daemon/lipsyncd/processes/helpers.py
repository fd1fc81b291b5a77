"""Helpers: processes that make parts of a job beside the one that leads its render."""

import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from tempfile import TemporaryFile
from typing import BinaryIO, Self

from lipsyncd.processes.assignment import assignment_of
from lipsyncd.processes.plane import Plane
from lipsyncd.processes.render import RenderProcess
from lipsyncd.processes.shares import Shares
from lipsyncd.processes.spread import Spread
from lipsyncd.protocol.job import Outcome, Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.system.disk import free_bytes

log = logging.getLogger(__name__)


class Helpers:
    """Those of one job, each followed by a thread of its own.

    What a helper meets ends the helper alone: its part goes back, and the leader meets the same if
    it is the job's fault.
    """

    def __init__(
        self, plane: Plane, options: Options, paths: Paths, shares: Shares, spread: Spread
    ) -> None:
        self._plane = plane
        self._options = options
        self._paths = paths
        self._shares = shares
        self._spread = spread
        self._threads: list[threading.Thread] = []
        self._parts: dict[int, Progress] = {}  # how far each part is that is being made
        self._has_failed = False
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """None is left, whatever it was doing."""
        self._is_over = True
        for thread in self._threads:
            thread.join()

    def invite(self) -> None:
        """One more, if a part waits for it and there is room for it."""
        job = self._paths.job
        if self._spread.is_open and not self._has_failed and self._shares.join(job):
            thread = threading.Thread(target=self._help, name=f"helper-{job}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def added_to(self, led: Progress) -> Progress:
        """How far the job is, with what is being made here."""
        parts = list(self._parts.values())
        done, faces = sum(each.done for each in parts), sum(each.faces for each in parts)
        return replace(led, done=led.done + done, faces=led.faces + faces)

    def _help(self) -> None:
        """The thread of a helper: part after part, as long as there is room for it."""
        try:
            while not self._is_over and self._shares.may_stay(self._paths.job):
                if (number := self._spread.claim()) is None or not self._has_made(number):
                    return
        finally:
            self._shares.leave(self._paths.job)

    def _has_made(self, number: int) -> bool:
        try:
            with TemporaryFile(dir=self._paths.result.parent) as packets:
                if self._is_whole(number, packets):
                    self._spread.made(number, packets)
                    return True
        except Exception as error:
            if not self._is_over:  # else its files may be gone
                text = "job %s: a process that helped with part %d failed: %s"
                log.warning(text, self._paths.job, number, error)
        finally:
            self._parts.pop(number, None)
        self._has_failed = True
        self._spread.give_back(number)
        return False

    def _is_whole(self, number: int, packets: BinaryIO) -> bool:
        """Have a process write the packets of a part; whether it has."""
        plane, paths = self._plane, self._paths
        with ExitStack() as stack:
            process = RenderProcess(plane.template)
            stack.callback(process.end)
            inputs = (paths.face, *paths.voices, *paths.pictures, paths.work)
            files = [stack.enter_context(path.open("rb")) for path in inputs]
            room = free_bytes(paths.result.parent)
            more = {"job": paths.job, "part": number}
            assignment = assignment_of(plane.config, "part", self._options, room, **more)
            process.begin(assignment, [each.fileno() for each in (*files, packets)])
            stack.enter_context(plane.pool.serving(process))
            steps = process.steps(plane.config.render.stall_seconds)
            while not self._is_over:
                try:
                    self._parts[number] = next(steps)
                except StopIteration as end:
                    return end.value is Outcome.WHOLE
        return False
