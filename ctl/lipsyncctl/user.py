"""The users of this machine: their names, and which of them calls."""

import os
import pwd


def name_of(uid: int) -> str:
    """The user's name, else the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)


def is_other(uid: int) -> bool:
    """Whether this user is not the caller."""
    return uid != os.getuid()
