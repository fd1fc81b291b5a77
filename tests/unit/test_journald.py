"""Entries reach the journal whole, and nobody waits for a journal that does not read."""

import array
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsyncd.system.journald import MAX_WAITING, Journald, encode


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket at which the journal reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        yield listener


def decode(entry: bytes) -> dict[str, str]:
    """The fields of an entry, as the journal reads them."""
    fields = {}
    while entry:
        line, _, rest = entry.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            name, (size,) = line, struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + size], rest[9 + size :]
        fields[name.decode()] = value.decode()
        entry = rest
    return fields


def test_fields_arrive_as_they_were(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))
    fields = {"MESSAGE": "job k3: wärmt 日本 = 1", "PRIORITY": "6"}
    journald.put(fields)
    assert decode(journal.recv(9999)) == fields
    journald.close(60.0)


def test_a_traceback_is_one_entry(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))
    fields = {"MESSAGE": "broke\nTraceback:\n  PRIORITY=0\n", "PRIORITY": "3"}
    journald.put(fields)
    assert decode(journal.recv(9999)) == fields
    journald.close(60.0)


def test_a_file_name_that_is_no_text_keeps_its_bytes() -> None:
    assert encode({"MESSAGE": "caf\udce9"}) == b"MESSAGE=caf\xe9\n"


def test_what_is_too_large_travels_as_a_sealed_file(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))
    fields = {"MESSAGE": "x" * 5_000_000}
    journald.put(fields)
    data, control, _, _ = journal.recvmsg(9, socket.CMSG_SPACE(4))
    (descriptor,) = array.array("i", control[0][2])
    with os.fdopen(descriptor, "rb") as file:
        assert (data, decode(os.pread(descriptor, 9_999_999, 0))) == (b"", fields)
        with pytest.raises(PermissionError):
            os.pwrite(file.fileno(), b"y", 0)
    journald.close(60.0)


def test_a_journal_that_does_not_read_keeps_nobody_waiting(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))

    def fill_and_leave() -> None:
        for number in range(5 * MAX_WAITING):
            journald.put({"MESSAGE": str(number)})
        journald.close(0.01)

    thread = threading.Thread(target=fill_and_leave, daemon=True)
    thread.start()
    thread.join(60.0)
    assert not thread.is_alive()
    assert decode(journal.recv(99)) == {"MESSAGE": "0"}
    journal.close()
    journald.close(60.0)


def test_what_was_lost_is_counted_once_the_journal_reads_again(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))
    for number in range(3 * MAX_WAITING):
        journald.put({"MESSAGE": str(number)})
    received = 0
    while (entry := decode(journal.recv(999)))["MESSAGE"].isdecimal():
        received += 1
    lost = 3 * MAX_WAITING - received
    assert lost >= MAX_WAITING
    assert entry["MESSAGE"].startswith(f"journal: {lost} entries were lost")
    assert entry["PRIORITY"] == "4"
    journald.close(60.0)


def test_the_last_entries_go_out_before_the_end(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))
    for number in range(5):
        journald.put({"MESSAGE": str(number)})
    journald.close(60.0)
    assert [decode(journal.recv(99))["MESSAGE"] for _ in range(5)] == list("01234")


def test_a_journal_that_went_away_is_no_error(journal: socket.socket) -> None:
    journald = Journald(Path(journal.getsockname()))
    journal.close()
    journald.put({"MESSAGE": "unheard"})
    journald.close(60.0)
    assert "journal" not in [thread.name for thread in threading.enumerate()]


def test_where_there_is_no_journal_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Journald(tmp_path / "none")
