"""From the page's address to downloaded results, in a real browser, through kills of all parts."""

import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Browser, Page, expect
from support.daemon.process import DaemonProcess, ready
from support.media.clips import clip
from support.paths import VOICES
from support.web.browser import View, view
from support.web.site import Site, site

PHONE = {"locale": "zh-CN", "color_scheme": "dark", "viewport": {"width": 390, "height": 800}}
HOSTILE = "<img src=x onerror=alert(1)>.mp4"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """With its models."""
    with ready(tmp_path) as daemon:
        yield daemon


@pytest.fixture
def page(tmp_path: Path, daemon: DaemonProcess) -> Iterator[Site]:
    """In front of it, for whoever is at this machine."""
    with site(tmp_path, "--socket", daemon.socket) as page:
        yield page


def bring(page: Page, faces: list[Path]) -> None:
    page.locator("#voice input[type=file]").set_input_files(VOICES / "paper.wav")
    page.locator("#faces input[type=file]").set_input_files(faces)


def test_three_faces_become_two_results_whoever_dies_meanwhile(
    browser: Browser, daemon: DaemonProcess, page: Site, figure: Callable[[str], None]
) -> None:
    bad = page.directory / HOSTILE
    bad.write_bytes(b"no video")
    begun = monotonic()
    with view(browser, page.address) as tab:
        shown = tab.page
        expect(shown).to_have_title("Lip-sync")
        assert tab.violations() == []
        bring(shown, [clip("single_face.mp4"), clip("multi_face.jpg"), bad])
        see_faces(tab)
        shown.locator("#render").click()
        rows = shown.locator(".job")
        expect(rows).to_have_count(3)
        page.end(signal.SIGKILL)
        daemon.end(signal.SIGKILL)
        daemon.start()
        page.start()
        expect(shown.locator(".job.succeeded")).to_have_count(2)  # the same tab finds them again
        figure(
            f"the page, from its address through two kills to results: {monotonic() - begun:.1f} s"
        )
        see_results(tab)
        assert tab.hosts == {page.address.split("/")[2]}
        assert tab.faults == []
    with view(browser, page.address, **PHONE) as later:
        expect(later.page).to_have_title("口型同步")
        later.page.get_by_role("tab", name="任务").click()
        expect(later.page.locator(".job")).to_have_count(3)
        expect(later.page.locator(".job.succeeded .state").first).to_have_text("已完成")
        assert later.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert later.violations() == []


def see_faces(tab: View) -> None:
    cards = tab.page.locator(".found")
    expect(cards).to_have_count(3)
    expect(cards.nth(0)).to_contain_text("640 × 360")
    expect(cards.nth(0).locator("img.person")).to_be_visible()
    cards.nth(1).locator("fieldset img").nth(1).click()
    expect(cards.nth(2).locator(".why")).to_be_visible()
    expect(cards.nth(2)).to_contain_text("onerror")
    tab.page.locator("#preview").click()
    expect(tab.page.locator("img.preview")).to_be_visible()
    assert tab.violations() == []


def see_results(tab: View) -> None:
    shown = tab.page
    expect(shown.locator(".job.failed .why")).to_be_visible()
    expect(shown.locator(".job.failed h3")).to_contain_text("onerror=alert(1)")
    shown.locator(".job.succeeded", has_text="single_face").get_by_text("Watch").click()
    dialog = shown.locator("dialog.compare")
    for name in ("source", "result"):
        shown.wait_for_function(f"document.getElementById('{name}')?.readyState >= 2")
    dialog.get_by_text("Wipe").click()
    dialog.get_by_text("Sound").click()
    assert shown.evaluate("[result.muted, source.muted]") == [True, False]
    dialog.get_by_text("Play").click()
    shown.wait_for_function("result.currentTime > 0.2 && source.currentTime > 0.1")
    assert tab.violations() == []
    dialog.get_by_text("Close").click()
    with shown.expect_download() as download:
        shown.get_by_text("Download all as zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len([name for name in archive.namelist() if name.endswith(".mp4")]) == 2
