"""Uids that users hand out to themselves in namespaces of their own: whoever has one is refused."""

import pwd
from pathlib import Path

from lipsyncd.errors import AccessDenied
from lipsyncd.server.peer import Peer

RANGES = Path("/etc/subuid")  # lines of owner:first:count
FIRST = 100_000  # SUB_UID_MIN of login.defs: from here on there may be ranges that no file names
HINT = "Connect as a user of this machine; in a container, as its root."


def is_doubtful(peer: Peer) -> bool:
    """Whether this may be a subordinate uid: only the list of users can tell, and that may be slow.

    Without a bound of their own, the 65536 uids of one user would have the bounds of as many users.
    """
    return not peer.is_operator and (peer.uid >= FIRST or _owner_of(peer.uid) is not None)


def refuse_subordinate(peer: Peer) -> None:
    """Raise AccessDenied if no user of the machine has this uid and a user may have taken it."""
    if not is_doubtful(peer) or _is_users(peer.uid):
        return
    owner = _owner_of(peer.uid)
    whose = f", but one of the subordinate uids of {owner}" if owner else ""
    raise AccessDenied(f"The uid {peer.uid} is no user of this machine{whose}.", HINT)


def _is_users(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _owner_of(uid: int) -> str | None:
    """Whose range it is in, by name or by uid as the file has it; None without one."""
    try:
        lines = RANGES.read_text(errors="replace").splitlines()
    except OSError:
        return None
    return next((owner for stream in lines if (owner := _owner_in(stream, uid))), None)


def _owner_in(stream: str, uid: int) -> str | None:
    try:
        owner, first, count = stream.split(":")
        is_in = 0 <= uid - int(first) < int(count)
    except ValueError:  # a mistake in the line
        return None
    return owner if is_in and not owner.startswith("#") else None
