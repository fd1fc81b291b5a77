"""Blame: what the owner of files is told of a process that crashed on them."""

import signal

from lipsyncd.config import Limits
from lipsyncd.errors import InputError, JobMemoryFull, MediaCrashed
from lipsyncd.processes.render import Crashed

CONVERT = "Convert them to MP4 with H.264 and AAC, then {} again."
GIB = 1 << 30


def blame(crash: Crashed, task: str, limits: Limits, again: str) -> InputError:
    """Why there is no result of a task; `again` is what to do with other files."""
    if crash.end.status == -signal.SIGKILL:
        used, most = crash.end.most_bytes / GIB, limits.max_render_memory_bytes / GIB
        return JobMemoryFull(
            f"The {task} was killed, as the kernel does when memory runs out: it had used "
            f"{used:.1f} GiB, and may ask for {most:.1f} GiB in all.",
            "Give a smaller picture, or ask the operator for more memory.",
        )
    return MediaCrashed(f"The {task} crashed on these files ({crash}).", CONVERT.format(again))
