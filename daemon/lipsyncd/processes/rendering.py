"""The render of a job: one process leads it, others help with its parts while there is room."""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from lipsyncd.processes.assignment import assignment_of
from lipsyncd.processes.helpers import Helpers
from lipsyncd.processes.plane import Plane
from lipsyncd.processes.plans import Plans
from lipsyncd.processes.render import RenderProcess
from lipsyncd.processes.shares import Shares
from lipsyncd.processes.spread import Spread
from lipsyncd.protocol.job import Outcome, Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.queue.renderer import MayGoOn, TurnOver
from lipsyncd.system.disk import free_bytes


def rendered(
    plane: Plane, options: Options, paths: Paths, shares: Shares, may_go_on: MayGoOn
) -> Generator[Progress, None, None]:
    """Write the result of a job; all its processes end with this generator.

    Raises what the process raises that leads, Crashed, Stalled; TurnOver.
    """
    part = paths.result.with_name(paths.result.name + ".part")
    with ExitStack() as stack:
        process = RenderProcess(plane.template)
        stack.callback(process.end)
        stack.callback(part.unlink, missing_ok=True)
        files = [stack.enter_context(each) for each in opened(paths, part)]
        room = free_bytes(paths.result.parent)
        task = "redo" if paths.earlier else "render"
        assignment = assignment_of(plane.config, task, options, room, job=paths.job)
        process.begin(assignment, [each.fileno() for each in files])
        spread, plans = Spread(process, may_go_on), Plans(plane.plans, paths.user, process)
        stack.callback(plans.close)
        steps = process.steps(plane.config.render.stall_seconds, spread.hear, plans.hear)
        stack.enter_context(shares.led(paths.job))
        helpers = stack.enter_context(Helpers(plane, options, paths, shares, spread))
        stack.enter_context(plane.pool.serving(process))
        outcome = yield from helped(steps, helpers)
        plane.cage.update(process.cage)
        if outcome is Outcome.WHOLE:
            return os.replace(part, paths.result)
        if outcome is Outcome.TURN:
            raise TurnOver
    return (yield from rendered(plane, options, paths, shares, may_go_on))


def helped(
    steps: Generator[Progress, None, Outcome], helpers: Helpers
) -> Generator[Progress, None, Outcome]:
    """The steps of who leads, with what helpers add; it never goes back."""
    far = Progress(0, 0, 0)
    while True:
        try:
            step = helpers.added_to(next(steps))
        except StopIteration as end:
            return Outcome(end.value)
        helpers.invite()
        far = replace(step, done=max(far.done, step.done), faces=max(far.faces, step.faces))
        yield far


def opened(paths: Paths, part: Path) -> Iterator[BinaryIO]:
    """The inputs, what is finished of the job, and the new file for the result.

    Raises InputGone, OSError.
    """
    yield paths.face.open("rb")
    for path in (*paths.voices, *paths.pictures, *filter(None, [paths.earlier])):
        yield path.open("rb")
    paths.work.touch()
    yield paths.work.open("r+b")
    part.unlink(missing_ok=True)
    yield part.open("x+b")
