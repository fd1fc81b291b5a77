"""Landlock: a process gives up all files, addresses and other processes, whoever it runs as."""

import ctypes
import os
import struct

CREATE_RULESET, RESTRICT_SELF = 444, 446  # system calls, the same on every machine
VERSION = 1  # a flag: only say which ABI the kernel has
# What each ABI knows, as how many of the lowest bits: rights on files, on ports, and what a process
# reaches outside (abstract sockets, signals).
FILES = {1: 13, 2: 14, 3: 15, 5: 16}
PORTS = {4: 2}
SCOPES = {6: 2}


def give_up_paths() -> int:
    """From now on, for good, in this thread and those it makes: nothing outside can be opened.

    Which ABI is in force, 0 if none is.  New privileges must have been given up.
    """
    version = call(CREATE_RULESET, None, 0, VERSION)
    if version < 1:
        return 0
    handled = (known(version, each) for each in (FILES, PORTS, SCOPES))
    ruleset = call(CREATE_RULESET, struct.pack("=QQQ", *handled), 24, 0)
    if ruleset < 0:
        return 0
    try:
        return version if call(RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def known(version: int, rights: dict[int, int]) -> int:
    """All rights of a kind that an ABI knows; a rule for none of them is ever added."""
    return (1 << max((bits for since, bits in rights.items() if since <= version), default=0)) - 1


def call(number: int, *arguments: bytes | int | None) -> int:
    """A system call that the C library has no name for; negative if it failed."""
    words = [each if isinstance(each, bytes) else ctypes.c_long(each or 0) for each in arguments]
    return int(ctypes.CDLL(None).syscall(ctypes.c_long(number), *words))
