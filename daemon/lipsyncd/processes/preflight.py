"""A preflight, as the daemon sees it: a render process that answers soon, or is ended."""

import logging
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack

from lipsyncd.errors import MediaStalled
from lipsyncd.processes.assignment import assignment_of
from lipsyncd.processes.blame import blame
from lipsyncd.processes.plane import Plane
from lipsyncd.processes.plans import Plans
from lipsyncd.processes.render import Crashed, RenderProcess, Stalled
from lipsyncd.protocol.job import Outcome, Progress
from lipsyncd.protocol.preflight import Preflight
from lipsyncd.system.crashlog import without_modules

log = logging.getLogger(__name__)

MOST_BYTES = 160 << 20  # of an answer: more than a PNG of the largest picture has
LATER = {"review": "Ask again when the machine has less to do."}  # by task
SUBMIT = "Submit them: a render may take longer."
PATIENCE = {"review": 4}  # times as long as others: a result is looked at closely


def run_preflight(
    plane: Plane, asked: Preflight, files: Sequence[int]
) -> Generator[None, None, None]:
    """Each yield is a moment in which it may be ended; with this generator its process ends.

    Raises what the process raises, MediaCrashed, MediaStalled, JobMemoryFull, InternalError.
    """
    silent = plane.config.render.stall_seconds
    seconds = silent * PATIENCE.get(asked.task, 1)
    ends_at = time.monotonic() + seconds
    more = {"at": asked.at, "frames": asked.frames}
    assignment = assignment_of(plane.config, asked.task, asked.options, MOST_BYTES, **more)
    outcome = Outcome.AGAIN
    while outcome is Outcome.AGAIN:
        with ExitStack() as stack:
            process = RenderProcess(plane.template)
            stack.callback(process.end)
            plans = Plans(plane.plans, asked.user, process)
            stack.callback(plans.close)
            process.begin(assignment, files)
            steps = process.steps(silent, hear_plans=plans.hear)
            stack.enter_context(plane.pool.serving(process))
            try:
                outcome = yield from in_time(steps, asked.task, seconds, ends_at)
            except Crashed as crash:
                tell(asked.task, f"ended {crash}", crash.stacks)
                raise blame(crash, asked.task, plane.config.limits, "ask") from None


def in_time(
    steps: Generator[Progress, None, Outcome], task: str, seconds: float, ends_at: float
) -> Generator[None, None, Outcome]:
    """The steps of the process, as long as there is time; how it has ended."""
    try:
        while time.monotonic() < ends_at:
            next(steps)
            yield
    except StopIteration as end:
        return Outcome(end.value)
    except Stalled as stall:
        tell(task, f"gave no sign of life {stall}", stall.stacks)
    words = f"The {task} of these files was not done after {seconds:g} s."
    raise MediaStalled(words, LATER.get(task, SUBMIT))


def tell(task: str, what: str, stacks: str) -> None:
    """One entry, with the stacks of the process."""
    details = {"details": without_modules(stacks)}
    log.warning("%s: its process %s", task, what, extra=details)
