"""A preflight: what is asked of files beside the render, before there is a job of them or after."""

from dataclasses import dataclass, field

from lipsyncd.protocol.options import Options
from lipsyncd.protocol.user import User
from lipsyncd.protocol.values import whole

MAX_FRAMES = 16  # of a preview
FRAMES = whole(1, MAX_FRAMES, hint="Ask for fewer frames.")


@dataclass(frozen=True)
class Preflight:
    """`task` is probe, preview or review; a preview shows so many `frames`, evenly spread
    over the result from `at` seconds on.  `user` is who asks."""

    task: str
    options: Options = field(default_factory=Options)
    at: float = 0.0
    frames: int = 1
    user: User | None = None
