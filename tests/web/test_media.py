"""What a job is made of on the page, beside files: camera, microphone, folders, two voices."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect
from support.daemon.process import DaemonProcess, ready
from support.media.clips import clip
from support.paths import VOICES
from support.web.browser import View, view
from support.web.site import Site, site

from lipsyncctl import Client, Job
from lipsyncd.errors import JobEnded

VOICE, FACE = VOICES / "paper.wav", clip("multi_face.jpg")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """With its models, so that it looks at faces."""
    with ready(tmp_path_factory.mktemp("d")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def page(daemon: DaemonProcess) -> Iterator[Site]:
    """In front of it, for whoever is at this machine."""
    with site(daemon.directory, "--socket", daemon.socket) as page:
        yield page


@pytest.fixture
def tab(browser: Browser, page: Site) -> Iterator[View]:
    """A visit, without faults of the page's own."""
    with view(browser, page.address) as tab:
        yield tab
        assert tab.faults == []
        assert tab.hosts == {page.address.split("/")[2]}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with two faces, one of them in a folder of its own, and what is no face."""
    inner = tmp_path / "album/inner"
    inner.mkdir(parents=True)
    inner.joinpath("two.jpg").write_bytes(FACE.read_bytes() + bytes(8))
    inner.parent.joinpath("one.jpg").write_bytes(FACE.read_bytes())
    inner.parent.joinpath("notes.txt").write_text("no face")
    return inner.parent


def bring(page: Page, name: str, *files: Path) -> None:
    page.locator(f"#{name} input[type=file]").set_input_files(list(files))


def rendered(tab: View, daemon: DaemonProcess, count: int) -> list[Job]:
    """The jobs that come of what is on the page."""
    client = Client(daemon.socket)
    before = {job.id for job in client.list()}
    tab.page.locator("#render").click()
    expect(tab.page.locator("#told")).to_contain_text(f"{count} handed in")
    found = [job.id for job in client.list() if job.id not in before]
    for id in found:
        with suppress(JobEnded):  # nobody waits for their results
            client.cancel(id)
    return [client.status(id) for id in found]


def is_recorded(page: Page) -> bool:
    """Whether the page has a new recording, and looks at it; one that was stopped before it had
    begun is none."""
    recorder = page.locator("#recording")
    recorder.get_by_text("Record", exact=True).click()
    try:
        with page.expect_request("**/gradio_api/queue/join*", timeout=20_000):
            recorder.get_by_text("Stop", exact=True).first.click()
    except TimeoutError:
        return False
    return True


def test_who_has_no_files_speaks_and_is_filmed(tab: View, daemon: DaemonProcess) -> None:
    shown = tab.page
    shown.get_by_text("Record a voice").click()
    while not is_recorded(shown):
        pass
    shown.get_by_text("Film a face with the camera").click()
    filmed = shown.locator("#filmed")
    filmed.get_by_text("Click to Access Webcam").click()
    assert tab.violations() == []
    filmed.get_by_label("start recording").click()
    filmed.get_by_title("stop recording").click()
    expect(shown.locator(".found .why")).to_be_visible()  # nobody is before the camera
    (job,) = rendered(tab, daemon, 1)
    assert job.face.endswith((".webm", ".mp4")) and job.voice.endswith(".wav")


def test_a_folder_brings_the_faces_that_are_in_it(
    tab: View, daemon: DaemonProcess, album: Path
) -> None:
    bring(tab.page, "voice", VOICE)
    bring(tab.page, "folder", album)
    expect(tab.page.locator(".found")).to_have_count(2)
    assert {job.face for job in rendered(tab, daemon, 2)} == {"one.jpg", "two.jpg"}


def test_a_folder_can_be_dropped(tab: View, daemon: DaemonProcess, album: Path) -> None:
    box = tab.page.locator("#faces").bounding_box()
    assert box
    devtools = tab.page.context.new_cdp_session(tab.page)
    dragged = {"items": [], "files": [str(album)], "dragOperationsMask": 1}
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, **where, "data": dragged})
    expect(tab.page.locator(".found")).to_have_count(2)


def test_a_second_voice_is_of_the_person_whom_it_is_given(
    tab: View, daemon: DaemonProcess, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(VOICE.read_bytes())
    tab.page.get_by_text("A second voice").click()
    for name, file in {"voice": VOICE, "faces": FACE, "second": other}.items():
        bring(tab.page, name, file)
    tab.page.get_by_text("on the left; the first voice to the one on the right").click()
    expect(tab.page.locator(".found .facts")).to_be_visible()
    assert tab.violations() == []
    (job,) = rendered(tab, daemon, 1)
    assert job["options"]["who"] == "right left"
    assert "other.wav" in job.voice
