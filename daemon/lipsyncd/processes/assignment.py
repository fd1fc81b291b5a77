"""An assignment: what a render process has to know."""

from lipsyncd.config import Config
from lipsyncd.protocol.options import Options


def assignment_of(
    config: Config, task: str, options: Options, most_bytes: int, **more: object
) -> dict[str, object]:
    """It may write `most_bytes`.

    `task` is render, redo, probe, preview or review, `more` what that one wants to know besides.
    """
    settings = {
        "crf": config.render.crf,
        "preset": config.render.preset,
        "detect_every": config.render.detect_every,
        "max_voice_seconds": config.limits.max_voice_seconds,
    }
    bounds = {
        "memory_bytes": config.limits.max_render_memory_bytes,
        "result_bytes": most_bytes,
    }
    own = {"task": task, "options": options.as_map(), "settings": settings, "bounds": bounds}
    return own | more
