"""Machines for the tests that boot a real systemd, and the figures that they measure."""

import os
from collections.abc import Callable, Iterator

import pytest
from support.systemd.machine import Machine, assembled, install, why_not

FIGURES: list[str] = []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The ordinary tests first: what they find is easier to understand."""
    items.sort(key=lambda item: item.get_closest_marker("booted") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(FIGURES))


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Says a measured figure at the end of the run."""
    return FIGURES.append


@pytest.fixture(scope="session")
def installed() -> None:
    """`make install` has been run. Skips where no systemd can be booted."""
    if reason := why_not():
        if os.environ.get("LIPSYNCD_BOOTED") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    install()


@pytest.fixture
def machine(installed: None) -> Iterator[Machine]:
    """A machine of its own for each test: half a second."""
    with assembled() as machine:
        yield machine
