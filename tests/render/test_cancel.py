"""Cancelling a real render."""

import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from support.client.command import messages, started
from support.media.clips import clip

ENCODED = 100  # frames: more than the encoder holds back before it writes the first

Ctl = Callable[..., CompletedProcess[str]]


def test_a_cancelled_render_leaves_its_inputs_alone_and_the_daemon_goes_on(
    daemon: Path,
    ctl: Ctl,
    render: Callable[..., Path],
    neutral: Path,
    speak: Callable[[float], Path],
) -> None:
    spool = daemon / "state" / "spool"
    job = ctl("submit", "-a", str(speak(60)), str(clip("single_face.mp4"))).stdout.strip()
    with started(daemon, "wait", "--json", job) as waiting:
        while (message := messages(waiting.stdout.readline())[0])["job"]["done"] < ENCODED:
            assert message["verb"] == "progressed"
        assert (spool / job / "result.part").exists()
        asked = time.monotonic()
        assert ctl("cancel", job).returncode == 0
        print(
            f"\n  cancelled after {time.monotonic() - asked:.2f} s, at {message['job']['done']}",
            end="",
        )
        print(f" of {message['job']['total']} frames")
        assert {path.name for path in (spool / job).iterdir()} == {"face", "voice"}
        waiting.communicate()
        assert waiting.returncode == 3
    assert ctl("fetch", job, "-o", str(daemon / "out.mp4")).returncode == 1
    assert not (daemon / "out.mp4").exists()
    assert render(neutral, speak(0.6)).exists()
