"""What other machines would reach: a simulation of the stages of renders, by what each costs.

A render process is four threads in a row, each of which hands on batches: takes are fetched, the
generator is asked, mouths are put into their frames, pictures are encoded.  Cores and devices are
what they wait for.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import simpy

SLICE = 0.004  # seconds of a core, after which another thread may have it
AHEAD = 1  # batches that wait between two threads
Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Costs:
    """Seconds of the processor for a frame, by stage: `plan` for one of the face, the others for
    one of the result.  A pass of a device takes `fixed` and `each` for every frame in it, of as
    many as `batch` of a render, on `threads` cores at once; a GPU has none."""

    plan: float
    fetch: float
    paste: float
    encode: float
    each: float
    fixed: float = 0.0
    batch: int = 16
    threads: int = 0


@dataclass(frozen=True)
class Machine:
    """`processes` is how many renders there are at once, `most` what a pass takes at most."""

    cores: int
    devices: int
    processes: int
    most: int = 128


@dataclass(frozen=True)
class Outcome:
    """`busy` is the share of the time in which cores and devices worked."""

    fps: float
    busy: Mapping[str, float]

    @property
    def bound(self) -> str:
        """What is the limit: what has no time left, else that a render does one thing at a time."""
        most = max(self.busy, key=lambda name: self.busy[name])
        return most if self.busy[most] > 0.9 else "renders"


@dataclass
class Piece:
    """A part of a job; the first of a job comes with those that its plan leads to."""

    frames: int
    face_frames: int = 0
    rest: tuple["Piece", ...] = ()


def job(seconds: float, rate: int = 25, part: int = 250, face_seconds: float = 10) -> Piece:
    """A job by the length of its voice."""
    frames, looked_at = round(seconds * rate), round(face_seconds * rate)
    later = tuple(Piece(min(part, frames - at)) for at in range(part, frames, part))
    return Piece(min(part, frames), looked_at, later)


def simulated(jobs: Iterable[Piece], machine: Machine, costs: Costs) -> Outcome:
    """All these jobs, handed in at the same time, to their end."""
    service = Service(machine, costs)
    return service.run(list(jobs))


class Service:
    """The cores and devices of a machine, and the renders on them."""

    def __init__(self, machine: Machine, costs: Costs) -> None:
        self._machine, self._costs = machine, costs
        self._world = simpy.Environment()
        self._cores = simpy.Resource(self._world, machine.cores)
        self._asked = [simpy.Store(self._world) for _ in range(machine.devices)]
        self._pieces = simpy.Store(self._world)
        self._worked = {"cores": 0.0, "devices": 0.0}
        self._left = 0
        self._is_over = self._world.event()

    def run(self, jobs: list[Piece]) -> Outcome:
        """To the last frame."""
        frames = sum(each.frames for first in jobs for each in (first, *first.rest))
        self._left = frames
        self._pieces.items.extend(jobs)
        for asked in self._asked:
            self._world.process(self._device(asked))
        for number in range(self._machine.processes):
            self._world.process(self._render(self._asked[number % self._machine.devices]))
        self._world.run(self._is_over)
        seconds, machine = self._world.now, self._machine
        there = {"cores": machine.cores, "devices": machine.devices}
        busy = {name: self._worked[name] / seconds / there[name] for name in there}
        return Outcome(frames / seconds, busy)

    def _render(self, asked: simpy.Store) -> Steps:
        """A render process: one piece after the other."""
        while True:
            piece = yield self._pieces.get()
            yield from self._work(piece.face_frames * self._costs.plan)
            for each in piece.rest:
                self._pieces.put(each)
            yield self._world.process(self._made(piece, asked))

    def _made(self, piece: Piece, asked: simpy.Store) -> Steps:
        """The threads of a piece, to the end of the last."""
        fetched, answered, pasted = (simpy.Store(self._world, AHEAD) for _ in range(3))
        batch, costs = self._costs.batch, self._costs
        sizes = [min(batch, piece.frames - at) for at in range(0, piece.frames, batch)]
        self._world.process(self._stage(len(sizes), iter(sizes).__next__, costs.fetch, fetched))
        self._world.process(self._answers(len(sizes), fetched, asked, answered))
        self._world.process(self._stage(len(sizes), answered.get, costs.paste, pasted))
        for _ in sizes:
            size = yield pasted.get()
            yield from self._work(size * costs.encode)
            self._left -= size
        if not self._left:
            self._is_over.succeed()

    def _stage(self, count: int, draw: Callable[[], Any], cost: float, to: simpy.Store) -> Steps:
        """A thread that does its work on each batch and hands it on."""
        for _ in range(count):
            size = draw()
            if isinstance(size, simpy.Event):
                size = yield size
            yield from self._work(size * cost)
            yield to.put(size)

    def _answers(
        self, count: int, fetched: simpy.Store, asked: simpy.Store, answered: simpy.Store
    ) -> Steps:
        """The thread that asks a device."""
        for _ in range(count):
            size = yield fetched.get()
            answer = self._world.event()
            yield asked.put((size, answer))
            yield answer
            yield answered.put(size)

    def _device(self, asked: simpy.Store) -> Steps:
        """Whatever is asked at the same time goes into one pass."""
        while True:
            waiting = [(yield asked.get())]
            while asked.items and self._fits([*waiting, asked.items[0]]):
                waiting.append((yield asked.get()))
            begun = self._world.now
            yield from self._pass(sum(size for size, _ in waiting))
            self._worked["devices"] += self._world.now - begun
            for _, answer in waiting:
                answer.succeed()

    def _fits(self, waiting: list[tuple[int, simpy.Event]]) -> bool:
        return sum(size for size, _ in waiting) <= self._machine.most

    def _pass(self, frames: int) -> Steps:
        seconds, threads = self._costs.fixed + frames * self._costs.each, self._costs.threads
        if not threads:
            yield self._world.timeout(seconds)
            return
        works = [self._world.process(self._work(seconds / threads)) for _ in range(threads)]
        yield self._world.all_of(works)

    def _work(self, seconds: float) -> Steps:
        """A thread works so long; it waits for a core again and again."""
        while seconds > 0:
            with self._cores.request() as core:
                yield core
                some = min(seconds, SLICE)
                yield self._world.timeout(some)
                self._worked["cores"] += some
                seconds -= some
