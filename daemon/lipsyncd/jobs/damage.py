"""What is wrong with a store on the disk: looked for when it is opened, before it is trusted."""

import re
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

from lipsyncd.errors import DiskFailed
from lipsyncd.jobs.job import ENDED
from lipsyncd.jobs.rows import jobs_of
from lipsyncd.jobs.schema import damaged, migrate
from lipsyncd.jobs.wal import has_lost_commits

DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
CODES = re.compile(r"error code[ =](\d+)")  # of what kept `integrity_check` from a page
NOT_ENDED = f"state NOT IN {tuple(str(state) for state in sorted(ENDED))}"  # or unreadable


def check_files(path: Path) -> None:
    """Raise StateCorrupt if SQLite would wait, or silently pass over commits, at what is there.

    Before it opens the file.  Raises OSError as well.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise damaged(f"{path} is not a regular file")
    if has_lost_commits(path):
        raise damaged(f"commits in the log of {path} cannot be read")


def check_pages(db: sqlite3.Connection) -> None:
    """Raise StateCorrupt if the file is damaged, or an index does not show every row.

    The latter `quick_check` leaves out; but a job that its index does not show would be lost.
    What could not be read is no damage: `integrity_check` tells of it among the damages, and here
    it is DiskFailed.
    """
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if found == "ok":
        return
    words = str(found).splitlines()[-1]
    codes = {int(code) & 0xFF for code in CODES.findall(str(found))}
    if codes - DAMAGE:
        text = f"The store cannot be read: {words}."
        raise DiskFailed(text, "Look after its disk and try again.")
    raise damaged(words)


def check_content(db: sqlite3.Connection) -> None:
    """Raise StateCorrupt if a table or an index is missing, or what has yet to run is no job."""
    with closing(sqlite3.connect(":memory:")) as sound:
        migrate(sound)
        missing = _parts(sound) - _parts(db)
    if missing:
        raise damaged(f"it has no {min(missing)}")
    jobs_of(db, f"WHERE {NOT_ENDED}")


def _parts(db: sqlite3.Connection) -> set[str]:
    """The tables, their columns and the indices, by name."""
    objects = db.execute("SELECT name FROM sqlite_master")
    columns = db.execute(
        "SELECT tables.name || '.' || columns.name FROM sqlite_master AS tables,"
        " pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
    )
    return {name for (name,) in [*objects, *columns]}
