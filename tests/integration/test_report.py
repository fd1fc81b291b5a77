"""`lipsyncctl report`: a page on a result, made of what the daemon tells, and read by a browser."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages
from support.daemon.inprocess import Daemon
from support.daemon.renderers import REVIEW, at_once, raising

from lipsyncd.errors import NoFace

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HEADLESS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run")
WIDTHS = (390, 1280)  # pixels of a telephone and of a desktop
# Says of each frame what is wider than it, and how many pictures and curves are to be seen in it.
LOOK = """<!DOCTYPE html><body>{frames}<pre id="told"></pre><script>
onload = () => {{
  const frames = [...document.querySelectorAll("iframe")];
  document.getElementById("told").textContent = frames.map(frame => {{
    const page = frame.contentDocument;
    const root = page.documentElement, pictures = [...page.images];
    return [root.scrollWidth <= root.clientWidth,
            pictures.filter(each => each.complete && each.naturalWidth && each.width).length,
            [...page.querySelectorAll("svg polygon")].filter(each => each.getBBox().width).length,
            page.scripts.length].join(" ");
  }}).join("|");
}};
</script>"""


@pytest.fixture
def job(daemon: Daemon, tmp_path: Path) -> str:
    """One that has a result."""
    daemon.renderer.render = at_once
    done = lipsyncctl(tmp_path, "--json", "run", *RENDER, "-o", "spoken.mp4")
    return str(messages(done.stdout)[-1]["job"]["id"])


def test_a_page_is_written_to_its_place(daemon: Daemon, job: str, tmp_path: Path) -> None:
    done = lipsyncctl(tmp_path, "report", job[:6], "-o", "report.html")
    page = (tmp_path / "report.html").read_text()
    assert done.stderr == ""
    assert re.fullmatch(r"report\.html: \S+ KiB\n", done.stdout)
    assert "<h1>speaker.mp4 with hello.wav</h1>" in page
    assert html.escape(REVIEW.missing[0]) in page
    assert daemon.renderer.preflights.get().task == "review"


def test_on_stdout_there_is_the_page_alone(daemon: Daemon, job: str, tmp_path: Path) -> None:
    done = lipsyncctl(tmp_path, "report", job, "-o", "-")
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stdout.endswith("</html>\n")


def test_programs_hear_of_the_job_and_where_the_page_is(
    daemon: Daemon, job: str, tmp_path: Path
) -> None:
    (told,) = messages(lipsyncctl(tmp_path, "--json", "report", job, "-o", "report.html").stdout)
    assert (told["verb"], told["job"]["id"]) == ("reviewed", job)
    assert told["size"] == (tmp_path / "report.html").stat().st_size
    assert told["path"] == str(tmp_path / "report.html")
    assert [each["state"] for each in told["changes"]] == ["queued", "running", "succeeded"]


def test_the_daemon_hands_over_what_is_kept_of_the_job_and_the_result_alone_without_it(
    daemon: Daemon, job: str, tmp_path: Path
) -> None:
    spool = tmp_path / "state/spool" / job
    (spool / "work").touch()  # a render of a test keeps none
    for _ in range(2):
        assert lipsyncctl(tmp_path, "report", job, "-o", "report.html").returncode == 0
        (spool / "voice").unlink(missing_ok=True)
    assert daemon.renderer.handed == [6, 3]  # each with a file for work and one for what is told


def test_a_job_without_a_result_has_no_page(daemon: Daemon, tmp_path: Path) -> None:
    daemon.renderer.render = raising(NoFace("There is no face.", "Use another."))
    failed = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    lipsyncctl(tmp_path, "wait", failed)
    done = lipsyncctl(tmp_path, "report", failed, "-o", "report.html")
    assert done.returncode == 1
    assert "has failed, so it has no result" in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_what_is_no_review_is_an_error_and_no_page(
    daemon: Daemon, job: str, tmp_path: Path
) -> None:
    daemon.renderer.review = REVIEW.to_bytes().replace(b"opening", b"0pening")
    done = lipsyncctl(tmp_path, "report", job, "-o", "report.html")
    assert done.returncode == 76
    assert "The daemon sent what is no review." in done.stderr
    assert not (tmp_path / "report.html").exists()


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_a_browser_shows_all_of_it_on_a_telephone_and_on_a_desktop(
    daemon: Daemon, job: str, tmp_path: Path
) -> None:
    lipsyncctl(tmp_path, "report", job, "-o", "report.html")
    page = html.escape((tmp_path / "report.html").read_text())
    frames = (f'<iframe width="{width}" height="900" srcdoc="{page}"></iframe>' for width in WIDTHS)
    (tmp_path / "look.html").write_text(LOOK.format(frames="".join(frames)))
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    words = [CHROMIUM, *HEADLESS, profile, "--dump-dom", (tmp_path / "look.html").as_uri()]
    dumped = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (told,) = re.findall(r'<pre id="told">(.*?)</pre>', dumped)
    assert told == "|".join(["true 3 3 0"] * len(WIDTHS))
