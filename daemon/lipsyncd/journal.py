"""The log: one line per event on stderr, in the terms of whoever reads it there."""

import logging
import os
import sys
import time
from typing import TextIO

NOTICE = 25  # between info and warning, as syslog has it: normal, but worth an operator's look
PRIORITIES = {  # of syslog; critical is 2, because 0 goes to every terminal of the machine
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    NOTICE: 5,
    logging.INFO: 6,
    logging.DEBUG: 7,
}


class LineFormatter(logging.Formatter):
    """An event as one line, its traceback (if any) below it.

    For the journal each line begins with its `<priority>`, for a terminal with the time.
    """

    def __init__(self, for_journal: bool) -> None:
        super().__init__()
        self.for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """The lines of one event; control characters (of a file's name, say) are spelled out."""
        lines = [printable(record.getMessage())]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        prefix = self._prefix(record)
        return "\n".join(prefix + line for line in lines)

    def _prefix(self, record: logging.LogRecord) -> str:
        if self.for_journal:
            return f"<{PRIORITIES.get(record.levelno, 6)}>"
        return time.strftime("%H:%M:%S ", time.localtime(record.created))


def set_up() -> None:
    """Send the log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(is_journal(sys.stderr)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def is_journal(stream: TextIO) -> bool:
    """The stream is the one systemd connected to the journal."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def printable(text: str) -> str:
    """The text on one line, with what is not printable as escapes."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
