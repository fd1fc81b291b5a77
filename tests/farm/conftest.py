"""A farm for each test; without Redis, or what the extra `farm` brings, they skip."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

MISSING = [name for name in ("celery", "redis", "obstore") if find_spec(name) is None]


def pytest_pycollect_makemodule() -> None:
    """The tests import what they need, so they are skipped before that."""
    if MISSING:
        pytest.skip(f"there is no {MISSING[0]}, which the extra `farm` brings")
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server, which Debian's package of that name brings")


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A farm without hosts."""
    from support.farm.farm import KEY, opened  # noqa: PLC0415

    monkeypatch.setenv("LIPSYNCFARM_KEY", KEY)
    with opened(tmp_path) as farm:
        yield farm
