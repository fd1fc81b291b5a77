"""A line of the log is one event, and reads well where it goes."""

import io
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsyncd.system.journal import NOTICE, JournalHandler, LineFormatter, is_journal
from lipsyncd.system.journald import Journald


def record(level: int, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("lipsyncd", level, __file__, 1, message, values, None)


@pytest.mark.parametrize(
    "level, priority",
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (NOTICE, 5),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
    ],
)
def test_the_journal_gets_the_priority_and_no_time(level: int, priority: int) -> None:
    line = LineFormatter(for_journal=True).format(record(level, "job %s: done", "k3"))
    assert line == f"<{priority}>job k3: done"


def test_a_terminal_gets_the_time() -> None:
    line = LineFormatter(for_journal=False).format(record(logging.INFO, "job k3: done"))
    assert line[2] == line[5] == ":"
    assert line[8:] == " job k3: done"


def test_a_file_name_cannot_forge_a_line() -> None:
    event = record(logging.INFO, "job k3: %s", "a\n<2>job k4: \x1b[31mfailed\udce9日本")
    line = LineFormatter(for_journal=True).format(event)
    assert line == "<6>job k3: a\\n<2>job k4: \\x1b[31mfailed\\udce9日本"


def test_every_line_of_a_traceback_has_its_priority() -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError as error:
        event = record(logging.ERROR, "broke")
        event.exc_info = (ValueError, error, error.__traceback__)
    lines = LineFormatter(for_journal=True).format(event).split("\n")
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[io.TextIOWrapper]:
    with (tmp_path / "stream").open("w") as stream:
        yield stream


def test_the_journal_is_known_by_its_stream(
    stream: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = os.fstat(stream.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    assert is_journal(stream)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")
    assert not is_journal(stream)
    monkeypatch.delenv("JOURNAL_STREAM")
    assert not is_journal(stream)
    assert not is_journal(io.StringIO())


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket at which the journal reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        yield listener


@pytest.fixture
def log(journal: socket.socket) -> Iterator[logging.Logger]:
    """A log of which each record becomes an entry of the journal."""
    handler = JournalHandler(Journald(Path(journal.getsockname())))
    logger = logging.Logger("lipsyncd")
    logger.addHandler(handler)
    yield logger
    handler.close()


@pytest.mark.parametrize(
    "text, values, fields",
    [("%d of %d", ("one",), {}), ("done", (), {"LIPSYNCD_NAME": "\ud800"})],
    ids=["a text that its values do not fit", "a field that is no text"],
)
def test_what_cannot_be_logged_is_told_once_and_ends_nothing(  # noqa: PLR0917
    log: logging.Logger,
    journal: socket.socket,
    capfd: pytest.CaptureFixture[str],
    text: str,
    values: tuple[object, ...],
    fields: dict[str, str],
) -> None:
    log.info(text, *values, extra={"fields": fields})
    log.info("and the next one")
    assert b"MESSAGE=and the next one\n" in journal.recv(9999)
    said = capfd.readouterr().err
    assert said.count("Logging error") == 1
    assert "test_journal.py" in said
