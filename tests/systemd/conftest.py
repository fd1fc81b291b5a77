"""Machines for the tests that boot a real systemd."""

import os
from collections.abc import Iterator

import pytest
from support.systemd.machine import Machine, assembled, install, why_not


@pytest.fixture(scope="session")
def installed(testrun_uid: str) -> None:
    """`make install` has been run. Skips where no systemd can be booted."""
    if reason := why_not():
        if os.environ.get("LIPSYNCD_BOOTED") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    install(testrun_uid)


@pytest.fixture
def machine(installed: None) -> Iterator[Machine]:
    """A machine of its own for each test: half a second."""
    with assembled() as machine:
        yield machine
