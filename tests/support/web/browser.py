"""A real browser that looks at the page, and remembers what it asked and what went wrong."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
# a camera and a microphone that nobody is in front of, and that nobody is asked for
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
PATIENCE = 120_000  # ms: the machine may be busy
expect.set_options(timeout=PATIENCE)
SERIOUS = {"serious", "critical"}


class View:
    """A tab: `page` is Playwright's."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))

    def _asked(self, url: str) -> None:
        if host := urlsplit(url).netloc:
            self.hosts.add(host)

    def violations(self) -> list[str]:
        """What axe finds serious in what is shown now."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['html'][:160]}"
            for each in found
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's; Playwright brings none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def view(browser: Browser, address: str, **how: object) -> Iterator[View]:
    """A tab of its own context, at an address."""
    context = browser.new_context(**how)  # type: ignore[arg-type]
    found = View(context.new_page())
    found.page.goto(address)
    found.page.wait_for_selector("#render")
    yield found
    context.close()
