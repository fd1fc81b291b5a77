"""The log: structured entries in systemd's journal, elsewhere a line per event on stderr."""

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

from lipsyncd.system.journald import Journald

NOTICE = 25  # between info and warning, as syslog has it: normal, but worth an operator's look
PRIORITIES = {  # of syslog; critical is 2, because 0 goes to every terminal of the machine
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    NOTICE: 5,
    logging.INFO: 6,
    logging.DEBUG: 7,
}
GOODBYE_SECONDS = 1.0  # for the last entries

_standing: dict[str, str] = {}


class JournalHandler(logging.Handler):
    """Each record becomes one entry, its traceback in it."""

    def __init__(self, journald: Journald) -> None:
        super().__init__()
        self._journald = journald

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging; it never waits, and what is wrong with a record is told on stderr."""
        try:
            self._journald.put(fields_of(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Hand over the last entries."""
        self._journald.close(GOODBYE_SECONDS)
        super().close()


class LineFormatter(logging.Formatter):
    """An event as one line, its traceback (if any) below it.

    For the journal each line begins with its `<priority>`, for a terminal with the time.
    """

    def __init__(self, for_journal: bool) -> None:
        super().__init__()
        self.for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """The lines of one event; control characters (of a client's words, say) are spelled out."""
        prefix = self._prefix(record)
        return "\n".join(prefix + line for line in lines_of(record))

    def _prefix(self, record: logging.LogRecord) -> str:
        if self.for_journal:
            return f"<{PRIORITIES.get(record.levelno, 6)}>"
        return time.strftime("%H:%M:%S ", time.localtime(record.created))


def set_up(with_threads: bool = True) -> None:
    """Send the log, and the warnings of libraries, to where they are read from now on.

    Without threads the journal gets lines, and no fields.
    """
    logging.basicConfig(level=logging.INFO, handlers=[_handler(with_threads)], force=True)
    logging.captureWarnings(True)


def always(**fields: object) -> None:
    """Fields that every entry has from now on."""
    _standing.update({name: str(value) for name, value in fields.items()})


def is_journal(stream: TextIO) -> bool:
    """The stream is the one systemd connected to the journal."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """A record as an entry of the journal; `record.fields` are fields of its own."""
    error = record.exc_info[1] if record.exc_info else None
    own: Mapping[str, str] = getattr(record, "fields", {})
    return {
        "MESSAGE": "\n".join(lines_of(record)),
        "PRIORITY": str(PRIORITIES.get(record.levelno, 6)),
        "SYSLOG_IDENTIFIER": "lipsyncd",
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": str(record.funcName),
        "TID": str(threading.get_native_id()),
        **({"ERRNO": str(error.errno)} if isinstance(error, OSError) and error.errno else {}),
        **_standing,
        **own,
    }


def lines_of(record: logging.LogRecord) -> list[str]:
    """The event, then its details and its traceback."""
    lines = [record.getMessage(), *getattr(record, "details", "").splitlines()]
    if record.exc_info:
        lines += logging.Formatter().formatException(record.exc_info).splitlines()
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """The text on one line, with what is not printable as escapes."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _handler(with_threads: bool) -> logging.Handler:
    """The journal itself if systemd shows our stderr in it, else stderr."""
    for_journal = is_journal(sys.stderr)
    if for_journal and with_threads:
        if invocation := os.environ.get("INVOCATION_ID"):
            always(INVOCATION_ID=invocation)
        try:
            return JournalHandler(Journald())
        except OSError:
            pass  # its stream is there nevertheless
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(for_journal))
    return handler
