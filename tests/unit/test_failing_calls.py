"""The preloaded library fails the call it is told to, on the files it is told, and no other."""

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disk.syscalls import FOR_EVER, Faults, Kind, NoCompiler

# Each makes one call of its kind, on `path`, a file, or in `folder`.
CALLS = {
    Kind.OPEN: "os.open(path, os.O_RDONLY)",
    Kind.CREATE: "os.open(path, os.O_RDWR | os.O_CREAT)",
    Kind.READ: "os.read(file, 1)",
    Kind.WRITE: "os.write(file, b'x')",
    Kind.PREAD: "os.pread(file, 1, 0)",
    Kind.PWRITE: "os.pwrite(file, b'x', 0)",
    Kind.MMAP: "mmap.mmap(file, 1)",
    Kind.STAT: "os.lstat(path)",
    Kind.FSTAT: "os.fstat(file)",
    Kind.STATVFS: "os.statvfs(folder)",
    Kind.OPENDIR: "os.listdir(folder)",
    Kind.READDIR: "os.listdir(folder)",
    Kind.RENAME: "os.rename(path, path + '-')",
    Kind.UNLINK: "os.unlink(path)",
    Kind.MKDIR: "os.mkdir(folder + '/new')",
    Kind.RMDIR: "os.rmdir(folder + '/old')",
    Kind.LINK: "os.link(path, path + '+')",
    Kind.FSYNC: "os.fdatasync(file)",
    Kind.TRUNCATE: "os.ftruncate(file, 0)",
    Kind.LOCK: "fcntl.lockf(file, fcntl.LOCK_EX)",
    Kind.COPY: "os.copy_file_range(file, file, 1, 0, 1)",
}
PROGRAM = """
import fcntl, json, mmap, os, sys
calls, folder = json.loads(sys.argv[1]), sys.argv[2]
path, outcomes = folder + "/file", []
file = os.open(path, os.O_RDWR)
sys.stdout.write("open\\n"); sys.stdout.flush()
sys.stdin.readline()
for call in calls:
    try:
        eval(call)
        outcomes.append(0)
    except OSError as error:
        outcomes.append(error.errno)
print(json.dumps(outcomes))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of which calls may fail."""
    (tmp_path / "chosen/old").mkdir(parents=True)
    (tmp_path / "chosen/file").write_bytes(b"content")
    return tmp_path / "chosen"


@pytest.fixture
def faults(tmp_path: Path, folder: Path) -> Iterator[Faults]:
    try:
        yield Faults(tmp_path, [folder])
    except NoCompiler as error:
        pytest.skip(str(error))


def outcomes(faults: Faults, folder: Path, kind: Kind, nth: int, times: int = 1) -> list[int]:
    """The errno of each of three calls of this kind; 0: it did not fail."""
    words = [sys.executable, "-c", PROGRAM, json.dumps([CALLS[kind]] * 3), str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, env=faults.environment, **pipes) as program:
        assert program.stdout
        assert program.stdout.readline() == "open\n"
        faults.arm(kind, nth, errno.EIO, times)
        said, _ = program.communicate("go\n")
    return json.loads(said)


@pytest.mark.parametrize("kind", Kind)
def test_the_first_call_of_a_kind_fails_and_no_other(
    faults: Faults, folder: Path, kind: Kind
) -> None:
    first, second, _ = outcomes(faults, folder, kind, 1)
    (fault,) = faults.disarm()
    assert (first, second) == (errno.EIO, 0)
    assert (fault.kind, fault.error) == (kind, errno.EIO)
    assert fault.path.is_relative_to(folder)


def test_it_fails_as_often_as_it_is_told(faults: Faults, folder: Path) -> None:
    assert outcomes(faults, folder, Kind.PREAD, 2, times=1) == [0, errno.EIO, 0]
    assert outcomes(faults, folder, Kind.PREAD, 2, times=FOR_EVER) == [0, errno.EIO, errno.EIO]


def test_a_call_of_which_there_is_none_never_fails(faults: Faults, folder: Path) -> None:
    assert outcomes(faults, folder, Kind.PREAD, 4) == [0, 0, 0]
    assert faults.fired == 0


def test_other_files_are_left_alone(faults: Faults, folder: Path) -> None:
    other = folder.with_name("chosen-not")
    folder.rename(other)
    assert outcomes(faults, other, Kind.PREAD, 1, FOR_EVER) == [0, 0, 0]
    assert not faults.calls.total()
