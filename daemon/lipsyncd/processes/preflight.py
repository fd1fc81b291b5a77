"""A preflight, as the daemon sees it: a render process that answers soon, or is ended."""

import logging
import signal
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack

from lipsyncd.errors import InputError, JobMemoryFull, MediaCrashed, MediaStalled
from lipsyncd.processes.assignment import assignment_of
from lipsyncd.processes.plane import Plane
from lipsyncd.processes.plans import Plans
from lipsyncd.processes.render import Crashed, RenderProcess, Stalled
from lipsyncd.protocol.job import Outcome, Progress
from lipsyncd.protocol.preflight import Preflight
from lipsyncd.system.crashlog import EXTENSIONS

log = logging.getLogger(__name__)

MOST_BYTES = 160 << 20  # of an answer: more than a PNG of the largest picture has
SUBMIT = "Submit them: a render may take longer."
CONVERT = "Convert them to MP4 with H.264 and AAC, then ask again."


def run_preflight(
    plane: Plane, asked: Preflight, files: Sequence[int]
) -> Generator[None, None, None]:
    """Each yield is a moment in which it may be ended; with this generator its process ends.

    Raises what the process raises, MediaCrashed, MediaStalled, JobMemoryFull, InternalError.
    """
    seconds = plane.config.render.stall_seconds
    ends_at = time.monotonic() + seconds
    more = {"at": asked.at, "frames": asked.frames}
    assignment = assignment_of(plane.config, asked.task, asked.options, MOST_BYTES, **more)
    outcome = Outcome.AGAIN
    while outcome is Outcome.AGAIN:
        with ExitStack() as stack:
            process = RenderProcess(plane.template)
            stack.callback(process.end)
            plans = Plans(plane.plans, asked.owner, process)
            stack.callback(plans.close)
            process.begin(assignment, files)
            steps = process.steps(seconds, hear_plans=plans.hear)
            stack.enter_context(plane.pool.serving(process))
            outcome = yield from in_time(steps, asked.task, seconds, ends_at)


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
    except Crashed as crash:
        tell(task, f"ended {crash}", crash.stacks)
        raise blame(crash, task) from None
    except Stalled as stall:
        tell(task, f"gave no sign of life {stall}", stall.stacks)
    raise MediaStalled(f"The {task} of these files was not done after {seconds:g} s.", SUBMIT)


def tell(task: str, what: str, stacks: str) -> None:
    """One entry, with the stacks of the process."""
    details = "".join(EXTENSIONS.split(stacks))
    log.warning("%s: its process %s", task, what, extra={"details": details})


def blame(crash: Crashed, task: str) -> InputError:
    """Why there is no answer."""
    if crash.end.status == -signal.SIGKILL:
        words = f"The {task} was killed, as the kernel does when memory runs out."
        return JobMemoryFull(words, "Give a smaller picture, or ask the operator for more memory.")
    return MediaCrashed(f"The {task} crashed on these files ({crash}).", CONVERT)
