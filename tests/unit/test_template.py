"""A render that is forked belongs to the daemon, and ends where there is none any more."""

import os

from lipsyncd.render import template

NOBODY = 1 << 22  # no process has this number


def test_a_render_whose_daemon_has_ended_meanwhile_ends_as_well() -> None:
    hear, say = os.pipe()
    if not (child := os.fork()):
        if template.is_render(NOBODY):
            os.write(say, b"it goes on")
        os._exit(0)
    os.close(say)
    with open(hear, "rb") as end:
        assert end.read() == b""  # comes when all have ended that were forked
    os.waitpid(child, 0)
