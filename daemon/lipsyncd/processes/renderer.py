"""The renderer: a process for each render and one for each device, as the queue asks for them."""

import ctypes
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from lipsyncd.config import Config
from lipsyncd.errors import MediaStalled
from lipsyncd.processes.blame import CONVERT, blame
from lipsyncd.processes.plane import Plane
from lipsyncd.processes.plans import PlanCache
from lipsyncd.processes.pool import Pool, load_devices
from lipsyncd.processes.preflight import run_preflight
from lipsyncd.processes.render import Crashed, Stalled
from lipsyncd.processes.rendering import rendered
from lipsyncd.processes.shares import Shares
from lipsyncd.processes.template import Template
from lipsyncd.processes.warmup import warm_up
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.preflight import Preflight
from lipsyncd.queue.renderer import MayGoOn, Report
from lipsyncd.system.catalog import CAGE_OPEN, RENDER_CRASHED, RENDER_STALLED, Entry, emit
from lipsyncd.system.crashlog import without_modules
from lipsyncd.system.native import set_up_libraries

PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)
SUBMIT = "submit them"
CRASHES = 2  # of one job's render, and its files are to blame


class ProcessRenderer:
    """What the queue asks.  Made by `open_renderer`."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._shares = Shares(processes_of(plane.config))
        self._on_change: Callable[[], None] = lambda: None

    def render(
        self, options: Options, paths: Paths, may_go_on: MayGoOn
    ) -> Generator[Progress, None, None]:
        """Write the result of a job; a render that crashes is begun once more.

        Raises what the render raises, MediaCrashed, MediaStalled, JobMemoryFull, InternalError;
        TurnOver.
        """
        for crashes in range(1, CRASHES + 1):
            try:
                yield from rendered(self._plane, options, paths, self._shares, may_go_on)
                return
            except Crashed as crash:
                tell(RENDER_CRASHED, "ended", paths, crash)
                if crashes == CRASHES:
                    limits = self._plane.config.limits
                    raise blame(crash, "render", limits, SUBMIT) from None
            except Stalled as stall:
                tell(RENDER_STALLED, "gave no sign of life", paths, stall)
                words = f"Nothing came of these files {stall}."
                raise MediaStalled(words, CONVERT.format(SUBMIT)) from None

    def preflight(self, asked: Preflight, files: Sequence[int]) -> Generator[None, None, None]:
        """Answer what is asked of files, by a process of its own.

        Raises what it raises, MediaCrashed, MediaStalled, JobMemoryFull, InternalError.
        """
        yield from run_preflight(self._plane, asked, files)

    def check(self) -> None:
        """Raise DeviceLost if there is nothing to render on, and there will not be."""
        self._plane.pool.check()

    def describe(self) -> Mapping[str, object]:
        """The first device, and each by itself."""
        plane, devices = self._plane, self._plane.pool.describe()
        of_all = {"cage": plane.cage, "plans": plane.plans.as_map(), "devices": devices}
        return {**devices[0], **of_all}

    def devices(self) -> Sequence[Mapping[str, object]]:
        """How each is, as far as that is known without asking it."""
        return self._plane.pool.devices()

    def watch(self, on_change: Callable[[], None]) -> None:
        """From now on call `on_change` when a device is lost, and when it is back."""
        self._on_change = on_change
        self._plane.pool.watch(on_change)

    def reload(self, config: Config, report: Report) -> str:
        """Take over a new configuration, without a moment in which nothing can be rendered.

        New processes are made ready beside the old ones.  Raises LipsyncError; then all stays as it
        was.
        """
        before, after = self._plane, open_plane(config, report)
        self._plane = after
        self._shares.most = processes_of(config)
        self.watch(self._on_change)
        after.pool.succeed(before.pool)
        after.template.succeed(before.template)
        old, new = before.pool.checkpoint, after.pool.checkpoint
        if old == new:
            return "the configuration was taken over, the checkpoint is the same"
        return f"{new[0]} took the place of {old[0]}"


def open_renderer(config: Config, report: Report) -> ProcessRenderer:
    """Load, check and warm up everything that a job uses; `report` is told what moves.

    Raises DeviceUnavailable, CheckpointMissing, CheckpointInvalid, WarmUpFailed, DeviceLost,
    DeviceMemoryFull, InternalError.
    """
    # renders are forked by the template, and ours to wait for
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    set_up_libraries()
    return ProcessRenderer(open_plane(config, report))


def open_plane(config: Config, report: Report) -> Plane:
    """Processes that have rendered a first picture."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(1, "template") as beside:
            coming = beside.submit(Template, "render", weights_of(config))
            stack.callback(lambda: None if coming.exception() else coming.result().retire())
            pool = Pool(load_devices(config, cache_folder(config), report))
            stack.callback(pool.retire)
        plans = PlanCache(cache_folder(config) / "plans", 3600 * config.retention.max_age_hours)
        plane = Plane(config, coming.result(), pool, plans, cage={})
        report("rendering a first picture")
        warm_up(partial(rendered, plane, shares=Shares(1), may_go_on=lambda: True))
        stack.pop_all()
    tell_gaps(plane.cage)
    return plane


def tell_gaps(cage: Mapping[str, object]) -> None:
    """One entry if the kernel lacks something that would hold renders in."""
    if gaps := ", ".join(name for name, in_force in cage.items() if not in_force):
        emit(CAGE_OPEN, "cage: renders are not held in by %s, which this kernel lacks", gaps)


def tell(event: Entry, what: str, paths: Paths, end: Crashed | Stalled) -> None:
    """One entry, with the stacks of the process."""
    text, stacks = "job %s: its render %s %s", without_modules(end.stacks)
    emit(event, text, paths.job, what, end, details=stacks, JOB_ID=paths.job)


def processes_of(config: Config) -> int:
    """How many render processes there may be: what is configured, else one for two cores, and one
    for each device at least."""
    cores = len(os.sched_getaffinity(0))
    return config.render.processes or max(1, cores // 2, len(config.devices))


def cache_folder(config: Config) -> Path:
    """Where golden outputs are kept: systemd's CacheDirectory, else beside the state."""
    given = os.environ.get("CACHE_DIRECTORY")
    return Path(given) if given else config.state / "cache"


def has_started(config: Config) -> bool:
    """Whether a daemon has been ready here: what it compiled for that is there then."""
    return any(cache_folder(config).glob("golden-*"))


def weights_of(config: Config) -> dict[str, object]:
    """The files that a render looks at faces with."""
    return {
        "detector": str(config.detector),
        "landmarker": str(config.landmarker),
        "recogniser": str(config.recogniser),
        "expert": str(config.sync_expert),
    }
