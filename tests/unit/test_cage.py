"""A render that has closed itself in reaches nothing but what it was handed, and can still work.

Everything here is tried in a process that was forked and has closed itself in, a captive.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.cage import captive
from support.cage.captive import BOUNDS, Captive
from support.cage.escapes import NUMBERS, REFUSED

from lipsyncd.processes.renderer import tell_gaps
from lipsyncd.protocol.outputs import CODECS
from lipsyncd.render import landlock, seccomp
from lipsyncd.render.seccomp import CLONE3, FREE, NONE, conditional

HEADERS = (
    Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    Path("/usr/include/asm-generic/unistd.h"),
)
OLDER = {"newfstatat": "fstatat"}  # as the kernel's general header calls it


@pytest.fixture(scope="module")
def jail() -> Iterator[Captive]:
    with closing(Captive()) as jail:
        yield jail


def test_all_of_it_is_in_force_on_this_kernel(jail: Captive) -> None:
    cage = jail.does(captive.descriptors)["cage"]
    assert cage.pop("landlock") == max(0, landlock.call(landlock.CREATE_RULESET, None, 0, 1))
    assert cage == {"oom_score_adj": 500, "rlimits": True, "no_new_privs": True, "seccomp": True}


def test_nothing_else_is_opened_reached_started_or_harmed(jail: Captive) -> None:
    done = jail.does(captive.refused)
    assert done["status"] == 0, done
    outcomes = done["answer"]
    assert len(outcomes) > 70
    assert {what: how for what, how in outcomes.items() if how not in REFUSED} == {}


def test_only_calls_newer_than_clone3_are_told_to_be_unknown(jail: Captive) -> None:
    """So that a C library goes back to older ones."""
    outcomes = jail.does(captive.refused)["answer"]
    newer = {name for name, (number, _) in NUMBERS.items() if number >= CLONE3}
    unknown = [what for what, how in outcomes.items() if how == "ENOSYS"]
    assert len(unknown) == len(newer) == 4


def test_what_it_was_handed_is_all_that_is_open_and_works(jail: Captive) -> None:
    assert jail.does(captive.descriptors)["answer"] == []
    assert jail.does(captive.files)["answer"] == ["face", 3]
    assert jail.does(captive.talk)["answer"] == "shared"


def test_landlock_by_itself_holds_paths_as_well() -> None:
    """So that each of the two holds where a hole is found in the other."""
    done = subprocess.run(
        [sys.executable, "-c", LANDLOCKED],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


LANDLOCKED = """
import ctypes, pathlib
from lipsyncd.render.landlock import give_up_paths
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
if give_up_paths():
    for path in ("/dev/null", "/etc/passwd", "/proc/self/status"):
        try:
            pathlib.Path(path).read_bytes()
            raise SystemExit(f"{path} could be read")
        except PermissionError:
            pass
"""


def test_what_the_kernel_lacks_is_told_by_name(caplog: pytest.LogCaptureFixture) -> None:
    whole = {
        "oom_score_adj": 500,
        "rlimits": True,
        "no_new_privs": True,
        "landlock": 7,
        "seccomp": True,
    }
    tell_gaps(whole)
    assert caplog.records == []
    tell_gaps(whole | {"landlock": 0, "seccomp": False})
    (told,) = caplog.records
    assert told.levelname == "WARNING"
    assert "not held in by landlock, seccomp" in told.getMessage()


def test_it_makes_threads(jail: Captive) -> None:
    assert jail.does(captive.threads)["answer"] is True


def test_every_codec_of_a_result_is_encoded(jail: Captive) -> None:
    assert jail.does(captive.encoders)["answer"] == list(CODECS)


def test_nothing_of_the_environment_is_left(jail: Captive) -> None:
    assert jail.does(captive.environment)["answer"] == [None]


def test_what_a_library_prints_goes_nowhere(jail: Captive) -> None:
    assert jail.does(captive.nothing_on_stdout)["status"] == 0


def test_it_has_its_limits(jail: Captive) -> None:
    found = jail.does(captive.limits)["answer"]
    assert found["DATA"] == [BOUNDS.memory_bytes] * 2
    assert found["FSIZE"] == [BOUNDS.result_bytes] * 2
    assert found["CORE"] == [0, 0]
    assert max(found["NOFILE"]) < 100
    assert jail.does(captive.too_much_memory)["answer"] == "no memory"
    assert jail.does(captive.too_large_a_result)["answer"] == ["EFBIG", BOUNDS.result_bytes]


@pytest.mark.parametrize(
    "act, number", [(captive.abort, signal.SIGABRT), (captive.crash, signal.SIGSEGV)]
)
def test_it_dies_as_others_do_and_leaves_its_stacks(
    jail: Captive, act: object, number: signal.Signals
) -> None:
    done = jail.does(act)
    assert done["status"] == -number
    assert f"in {act.__name__}" in done["written"]


def test_it_tells_where_it_is_when_it_is_asked(jail: Captive) -> None:
    assert jail.does(captive.asked_where_it_is)["answer"] is True


def test_a_call_of_another_abi_ends_it(jail: Captive) -> None:
    assert jail.does(captive.another_abi)["status"] == -signal.SIGSYS


@pytest.mark.skipif(not all(map(Path.exists, HEADERS)), reason="there are no headers of the kernel")
def test_each_call_has_the_numbers_that_the_kernel_gives_it() -> None:
    known = [numbers_of(header) for header in HEADERS]
    named = [line.split() for line in FREE.replace("\n", " ").split(",")]
    for name, *numbers in named:
        assert [each.get(OLDER.get(name, name), NONE) for each in known] == list(map(int, numbers))
    comments = re.findall(r"# ([a-z0-9]+)(?: and ([a-z0-9]+))?:.*\n", source_of_conditional())
    names = [name for pair in comments for name in pair if name]
    assert len(names) == len(conditional())
    for name, numbers in zip(names, conditional(), strict=True):
        second = OLDER.get(name, name)
        assert (known[0][name], known[1][second]) == numbers


def numbers_of(header: Path) -> dict[str, int]:
    defined = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    return {name: int(number) for name, number in defined}


def source_of_conditional() -> str:
    return Path(seccomp.__file__).read_text().partition("def conditional")[2].partition("}\n")[0]
