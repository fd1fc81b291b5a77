"""A daemon and a client for the tests that need no special ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate


@pytest.fixture
def gate() -> Gate:
    """Lets the daemon's render go on, step by step."""
    return Gate()


@pytest.fixture
def daemon(tmp_path: Path, gate: Gate) -> Iterator[Daemon]:
    """A daemon whose render waits at the gate."""
    with living(tmp_path, gate.render) as daemon:
        yield daemon
        gate.let_go(1000)


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    """A session with it."""
    with daemon.client() as client:
        yield client
