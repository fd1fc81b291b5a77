"""The page's tests need its environment, Playwright and a Chromium; without them they skip."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

MISSING = [name for name in ("playwright", "axe_playwright_python") if find_spec(name) is None]


def pytest_pycollect_makemodule() -> None:
    """The tests import what they need, so they are skipped before that."""
    if not (ROOT / ".venv-web/bin/python").exists():
        pytest.skip("there is no .venv-web, which `make test` makes for the page")
    if MISSING:
        pytest.skip(f"there is no {MISSING[0]}, which the extra `test` brings")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    from support.web.browser import CHROMIUM, chromium  # noqa: PLC0415

    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    with chromium() as browser:
        yield browser


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in whose path a socket has room."""
    return tmp_path_factory.mktemp("w")
