"""Before there is a job: what a render would make of the files, in words or in pictures."""

import os
from functools import partial

from lipsyncd.protocol.options import TIME, Options
from lipsyncd.protocol.preflight import FRAMES, Preflight
from lipsyncd.protocol.probe import MOST_BYTES, Probe
from lipsyncd.server.request import Reply, Request
from lipsyncd.server.verbs.submit import refuse_uneven


def on_probe(request: Request) -> Reply:
    options = Options.from_map(request.body.get("options", {}))
    files, voices = counted(request, options)
    if voices:
        refuse_uneven(files, voices, options)
    with os.fdopen(answer(request, Preflight("probe", options)), "rb") as file:
        probe = Probe.from_json(file.read(MOST_BYTES))
    positions = request.controlplane.scheduler.positions
    seconds = positions.render_seconds(probe.frames) if voices else None
    return Reply("probed", {**probe.as_map(), "render_seconds": seconds})


def on_preview(request: Request) -> Reply:
    options = Options.from_map(request.body.get("options", {}))
    at, frames = request.field("at", float, 0.0, TIME), request.field("frames", int, 1, FRAMES)
    refuse_uneven(*counted(request, options), options)
    png = answer(request, Preflight("preview", options, at, frames))
    return Reply("previewed", {"size": os.fstat(png).st_size}, png)


def counted(request: Request, options: Options) -> tuple[int, int]:
    """How many files came with it, and how many of them are voices."""
    assert request.inputs  # as many descriptors came as DESCRIPTORS says
    files = request.inputs.count
    return files, max(0, files - 1 - options.pictures)


def answer(request: Request, asked: Preflight) -> int:
    """A descriptor of what comes of it; there is none if the client leaves meanwhile."""
    assert request.inputs
    go_on = partial(request.stream.wait, None, 0.0)
    preflights = request.controlplane.preflights
    return preflights.answer(request.user(request.label), asked, request.inputs, go_on)
