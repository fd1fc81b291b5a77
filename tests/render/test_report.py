"""A report on a result of the real models, made in their cage."""

import re
from pathlib import Path

from support.client.command import lipsyncctl
from support.daemon.served import answer
from support.media.clips import clip


def test_a_report_shows_a_result_beside_what_was_handed_in_and_alone_when_that_is_gone(
    daemon: Path, harbour: Path
) -> None:
    job = answer(daemon, "submit", "-a", str(harbour), str(clip("single_face.mp4")))["job"]["id"]
    assert lipsyncctl(daemon, "wait", job).returncode == 0
    page = daemon / "report.html"
    done = lipsyncctl(daemon, "report", job, "-o", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    shown = len(re.findall("<figure>", text))
    assert shown > 3
    assert text.count('alt="before"') == text.count('alt="after"') == shown
    assert re.search(r'class="good">in sync', text)
    assert "100 % <small>of 113 frames" in text
    assert "The face was looked at" in text
    (daemon / "state/spool" / job / "voice").unlink()
    assert lipsyncctl(daemon, "report", job, "-o", str(page)).returncode == 0
    text = page.read_text()
    assert text.count('alt="after"') == shown
    assert 'alt="before"' not in text
    assert "is no longer kept" in text
