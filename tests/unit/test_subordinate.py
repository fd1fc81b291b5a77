"""Which uids are refused because users can hand them out to themselves."""

import pwd
from pathlib import Path

import pytest

from lipsyncd.errors import AccessDenied
from lipsyncd.server import subordinate
from lipsyncd.server.peer import Peer
from lipsyncd.server.subordinate import FIRST, refuse_subordinate


@pytest.fixture(autouse=True)
def ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of ranges, which is not there yet; no user of the machine has a uid over 60000."""
    monkeypatch.setattr(subordinate, "RANGES", tmp_path / "subuid")
    return tmp_path / "subuid"


def is_refused(uid: int) -> bool:
    try:
        refuse_subordinate(Peer(1, uid))
    except AccessDenied:
        return True
    return False


def test_without_a_file_it_is_the_high_uids_that_are_refused() -> None:
    assert [is_refused(uid) for uid in (0, 4001, FIRST - 1, FIRST, 2**32 - 2)] == [
        *[False, False, False],
        *[True, True],
    ]


def test_a_file_that_cannot_be_read_is_none(ranges: Path) -> None:
    ranges.mkdir()
    assert is_refused(FIRST)
    assert not is_refused(FIRST - 1)


@pytest.mark.parametrize(
    "line",
    ["70000:5", "", "a:b:c", "# a:70000:5", "a:70000:5:6", ":70000:5", "a:70000:", "a:70000:-5"],
)
def test_a_line_that_is_a_mistake_says_nothing(ranges: Path, line: str) -> None:
    ranges.write_bytes(b"\xff\xfe\n" + line.encode() + b"\nbob:80000:5")
    assert not is_refused(70001)
    assert is_refused(80004)


def test_the_owner_of_the_range_is_named(ranges: Path) -> None:
    ranges.write_text("alice:100000:65536\n1001:165536:65536\n")
    for uid, owner in {100000: "alice", 165535: "alice", 165536: "1001"}.items():
        with pytest.raises(AccessDenied, match=f"{uid} .* of {owner}.$"):
            refuse_subordinate(Peer(1, uid))
    with pytest.raises(AccessDenied, match="231072 is no user of this machine.$"):
        refuse_subordinate(Peer(1, 231072))


def test_a_user_of_the_machine_is_one_in_a_range_as_well(
    ranges: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges.write_text("alice:1:65536\n")
    assert not is_refused(pwd.getpwall()[-1].pw_uid)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: uid)  # as a directory service has them
    assert not is_refused(200_000)
