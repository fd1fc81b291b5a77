"""Where the daemon is: at one socket, which is named or found."""

import os
import stat

from lipsyncd.protocol.address import DEFAULT_SOCKET, default_socket


def address_of(given: str | os.PathLike[str] | None) -> str:
    """The socket that is named; else $LIPSYNCD_SOCKET, the system's if it is there, the user's."""
    if given:
        return os.fspath(given)
    is_systems = not os.environ.get("LIPSYNCD_SOCKET") and os.path.exists(DEFAULT_SOCKET)
    return DEFAULT_SOCKET if is_systems else default_socket()


def is_systems(address: str) -> bool:
    """Whether it is a socket of the system's daemon or of one of its instances."""
    return os.path.dirname(address) == os.path.dirname(DEFAULT_SOCKET)


def others(address: str) -> list[str]:
    """The sockets beside the system's, which are of daemons with queues of their own."""
    if not is_systems(address):
        return []
    try:
        with os.scandir(os.path.dirname(address)) as entries:
            modes = {each.path: each.stat(follow_symlinks=False).st_mode for each in entries}
    except OSError:
        return []
    return sorted(path for path, mode in modes.items() if stat.S_ISSOCK(mode) and path != address)
