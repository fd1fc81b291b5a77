"""Looking: a face is shown to a planner, as much of it as is needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from lipsyncd.media.limits import held
from lipsyncd.media.source import Source
from lipsyncd.protocol.job import Progress
from lipsyncd.render.plan import Planner
from lipsyncd.render.prefetch import prefetch


@dataclass(frozen=True)
class Need:
    """How much has to be known: of voices nothing after `until`, in seconds of the result; of a
    face no more than is `enough`."""

    until: Fraction | None = None
    enough: Callable[[Planner], bool] = lambda _: False


ALL = Need()


def looked_through(
    source: Source, most: int | None, planner: Planner, need: Need = ALL
) -> Iterator[Progress]:
    """Show `most` frames of the source to a planner, or all, or what is enough."""
    depth = held(source.frame_bytes, planner.every)
    with prefetch(islice(source.frames(), most), depth) as frames:
        for _ in planner.look(frames):
            yield Progress(0, most or 0, 0)
            if need.enough(planner):
                break
