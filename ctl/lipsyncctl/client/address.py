"""Where the daemon is: at one socket, which is named or found."""

import os
import stat
from pathlib import Path

from lipsyncd.protocol.wire import DEFAULT_SOCKET
from lipsyncd.system.places import default_socket


def address_of(given: str | os.PathLike[str] | None) -> Path:
    """The socket that is named; else $LIPSYNCD_SOCKET, the system's if it is there, the user's."""
    if given:
        return Path(given)
    is_systems = not os.environ.get("LIPSYNCD_SOCKET") and os.path.exists(DEFAULT_SOCKET)
    return DEFAULT_SOCKET if is_systems else default_socket()


def others(address: Path) -> list[Path]:
    """The sockets beside the system's, which are of daemons with queues of their own."""
    if address.parent != DEFAULT_SOCKET.parent:
        return []
    try:
        found = [each for each in address.parent.iterdir() if stat.S_ISSOCK(each.lstat().st_mode)]
    except OSError:
        return []
    return sorted(each for each in found if each != address)
