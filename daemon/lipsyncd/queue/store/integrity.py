"""What is wrong with a store on the disk: looked for when it is opened, before it is trusted."""

import re
import sqlite3
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from lipsyncd.errors import DiskFailed
from lipsyncd.protocol.state import ENDED
from lipsyncd.queue.store.rows import jobs_of
from lipsyncd.queue.store.schema import damaged, migrate

HEADER = struct.Struct(">4I8s8s")  # magic, version, page size, restarts; salts, checksum
FRAME = struct.Struct(">2I8s8s")  # page, pages of the store if it ends a commit; salts, checksum
SUMMED = 8  # bytes of a frame's header that its checksum is about
PAGE = 4096  # bytes, of every store that nobody made otherwise


def has_lost_commits(path: Path) -> bool:
    """Whether the log of this store proves that there were commits which SQLite would not find.

    A commit is proven by a frame that was written after it. What a crash leaves torn behind the
    last commit is no proof, and neither is what is left of an earlier use of the log.
    """
    log = _content(path.with_name(path.name + "-wal"))
    if len(log) < HEADER.size:
        return False
    if not _content(path, 1):
        return True  # SQLite would drop the log with everything in it
    *_, page, _, salt, checksum = HEADER.unpack_from(log)
    sound = _sum(log[: HEADER.size - 8], bytes(8)) == checksum
    if not sound:  # but the frames are still to be found, and tell what it said
        page, salt = PAGE, log[HEADER.size + SUMMED : HEADER.size + SUMMED + len(salt)]
    after_commit = False
    for frame_salt, follows, commits in _frames(log, page, checksum):
        sound = sound and follows and frame_salt == salt
        if not sound and follows and frame_salt == salt and after_commit:
            return True
        after_commit = commits
    return False


def _frames(log: bytes, page: int, checksum: bytes) -> Iterator[tuple[bytes, bool, bool]]:
    """Each frame's salt, whether it was written after the one before it, and if it commits."""
    size = FRAME.size + page
    for start in range(HEADER.size, len(log) - size + 1, size):
        _, commits, salt, own = FRAME.unpack_from(log, start)
        summed = log[start : start + SUMMED] + log[start + FRAME.size : start + size]
        yield salt, _sum(summed, checksum) == own, commits > 0
        checksum = own


def _sum(data: bytes, start: bytes) -> bytes:
    """SQLite's checksum, which goes on from the one before."""
    first, second = struct.unpack(">2I", start)
    order = "<" if sys.byteorder == "little" else ">"
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return struct.pack(">2I", first, second)


def _content(path: Path, most: int = -1) -> bytes:
    """The bytes of a file, none if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return b""


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
