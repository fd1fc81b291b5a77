"""The render process: one task, from the descriptors it is handed to a whole result or one error.

It is forked from the template, closes itself in (cage.py) and tells the daemon how far it is.
"""

import faulthandler
import math
import os
import signal
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, cast

from setproctitle import setproctitle

from lipsyncd.errors import InternalError, LipsyncError
from lipsyncd.media import speech
from lipsyncd.media.memory import memory_named
from lipsyncd.media.spooled import Spooled, open_grown
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.job import Outcome, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.wire import Kind
from lipsyncd.render.cage import Bounds, close_in
from lipsyncd.render.models import Models, Weights
from lipsyncd.render.mouths import Mouths, Outdated, heard
from lipsyncd.render.orders import SIGN_SECONDS, Orders
from lipsyncd.render.pipeline import TurnOver, render, render_part
from lipsyncd.render.preview import preview
from lipsyncd.render.probe import probe
from lipsyncd.render.redo import redo
from lipsyncd.render.review import review
from lipsyncd.render.scene import Files
from lipsyncd.render.work import Stale
from lipsyncd.system.disk import disk_named


@dataclass(frozen=True)
class Settings:
    """What the operator chose for every render."""

    crf: int
    preset: str
    detect_every: int
    max_voice_seconds: int


Task = Callable[[Options, Files, Models, Any], Generator[Progress, None, None]]


def sparing(act: Callable[[], None], pause: float = SIGN_SECONDS) -> Callable[[], None]:
    """Something that may be called ever so often, and acts after so many seconds again."""
    acted_at = -math.inf

    def acting() -> None:
        nonlocal acted_at
        if time.monotonic() - acted_at >= pause:
            acted_at = time.monotonic()
            act()

    return acting


def run(daemon: Connection, weights: Weights) -> None:
    """The whole life of the process: it says which one it is, and hears what it is to do."""
    daemon.send(Kind.EVENT, {"pid": os.getpid()})
    with heard(daemon) as assignment:
        show(assignment)
        speech.load(len(Options.from_map(assignment.body["options"]).places))
        kept = [daemon.fileno(), *assignment.descriptors]
        cage = close_in(kept, Bounds(**cast(dict[str, Any], assignment.body["bounds"])))
        daemon.send(Kind.EVENT, {"cage": cage})
        crash = assignment.take()
        faulthandler.enable(crash)
        faulthandler.register(signal.SIGUSR1, crash)
        with suppress(BrokenPipeError):
            daemon.send(*rendered(daemon, assignment, weights))


def rendered(
    daemon: Connection, assignment: Message, weights: Weights
) -> tuple[Kind, dict[str, object]]:
    """What became of the job: how it ended, or an error."""
    try:
        with disk_named(), memory_named():
            for progress in steps(daemon, assignment, weights):
                show(assignment, progress)
                daemon.send(Kind.EVENT, asdict(progress))
    except LipsyncError as error:
        return Kind.ERROR, error.as_map()
    except (Outdated, Stale):
        return Kind.REPLY, {"outcome": Outcome.AGAIN}
    except TurnOver:
        return Kind.REPLY, {"outcome": Outcome.TURN}
    except Exception:
        return Kind.ERROR, {"name": InternalError.name, "message": traceback.format_exc()}
    return Kind.REPLY, {"outcome": Outcome.WHOLE}


def show(assignment: Message, progress: Progress | None = None) -> None:
    """What this does, for which job, and how far it has come, for who looks at processes."""
    job = f" {assignment.body['job']}" if "job" in assignment.body else ""
    share = f" {100 * progress.done // progress.total} %" if progress and progress.total else ""
    setproctitle(f"lipsyncd: {assignment.body['task']}{job}{share}")


def steps(
    daemon: Connection, assignment: Message, weights: Weights
) -> Generator[Progress, None, None]:
    """The task of an assignment; its descriptors are the face's, the voices', those of pictures of
    people, that of the work that a redo goes on from, the work's, the result's.  Of a review the
    work of the job and its result come before the last two; all before that may be missing."""
    body: dict[str, Any] = assignment.body
    alive = sparing(partial(daemon.send, Kind.EVENT, {}))
    orders = Orders(daemon, alive)
    models = Mouths(orders, weights, alive)
    *inputs, work, result = (assignment.take() for _ in range(len(assignment.descriptors)))
    options, settings = Options.from_map(body["options"]), Settings(**body["settings"])
    done = Spooled(inputs.pop(), alive) if body["task"] == "review" else None
    goes_on = body["task"] == "redo" or (done is not None and inputs)
    earlier = os.fdopen(inputs.pop(), "rb") if goes_on else None
    spooled = [Spooled(each, alive) for each in inputs]
    face, *others = spooled or [cast(Spooled, done)]
    spoken = len(others) - options.pictures
    voices, pictures = others[:spoken], others[spoken:]
    with open_grown(result, alive) as written, open_grown(work, alive) as kept:
        files = Files(face, tuple(voices), written, kept, tuple(pictures), alive, orders, earlier)
        yield from task_of(body, orders, done)(options, files, models, settings)


def task_of(body: dict[str, Any], orders: Orders, done: Spooled | None) -> Task:
    """What an assignment asks for; each writes a video, packets, a PNG, or what it has to tell."""
    match body["task"]:
        case "render":
            return partial(render, others=orders)
        case "redo":
            return redo
        case "part":
            return partial(render_part, number=body["part"])
        case "preview":
            return partial(preview, at=body["at"], count=body["frames"])
        case "review":
            return partial(review, done=cast(Spooled, done))
    return probe
