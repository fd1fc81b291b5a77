"""A store on the disk, for the tests of whatever reads and writes it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.jobs import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "jobs.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """The store's file, open."""
    with closing(Database(path)) as database:
        yield database


@pytest.fixture
def store(database: Database) -> Store:
    """The queue in it."""
    return Store(database)
