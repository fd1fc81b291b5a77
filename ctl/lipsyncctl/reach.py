"""Reaching the daemon: a socket connected to it, or why there is none and what to do then."""

import os
import shlex
import socket
import time
from collections.abc import Callable
from pathlib import Path

from lipsyncd.config import default_socket
from lipsyncd.errors import AccessDenied, InvalidRequest, LipsyncError, ServerUnreachable
from lipsyncd.wire import DEFAULT_SOCKET

UNNOTICED = 1.0  # seconds of waiting that nobody has to be told of
PAUSE = 0.1  # seconds between two attempts to connect to a daemon that may be starting
LONGEST_PATH = 107  # bytes; Linux has no room for more in a socket's address
LOOK = "Look with `systemctl status lipsyncd.socket lipsyncd`, or where `lipsyncd` was started."
GROUP = "Ask for membership in its group (`ls -l` names it), then log in again."

Remark = Callable[[str], None]


def connect(address: Path, patience: float, timeout: float, remark: Remark) -> socket.socket:
    """A connected socket, whose reads and writes have a `timeout` in seconds.

    Tries for `patience` seconds if the folder of the socket is there, and says so after a while.
    """
    begun, is_told = time.monotonic(), False
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        try:
            sock.connect(str(address))
            return sock
        except OSError as error:
            sock.close()
            if not is_starting(error, address) or time.monotonic() >= begun + patience:
                raise failure(error, address) from error
            if not is_told and time.monotonic() >= begun + UNNOTICED:
                remark(f"{failure(error, address).message} Waiting up to {patience:.0f} s for one.")
                is_told = True
            time.sleep(PAUSE)


def is_starting(error: OSError, address: Path) -> bool:
    """Whether the daemon may be about to listen where we failed to connect."""
    is_absent = isinstance(error, FileNotFoundError | ConnectionRefusedError)
    return is_absent and address.parent.is_dir()


def failure(error: OSError, address: Path) -> LipsyncError:
    """Why there is no session, in words."""
    if len(os.fsencode(address)) > LONGEST_PATH:
        words = f"No daemon can be at {address}."
        return InvalidRequest(words, f"A socket's path has at most {LONGEST_PATH} bytes.")
    match error:
        case PermissionError():
            return AccessDenied(f"You may not use the socket {address}.", admission(address))
        case FileNotFoundError():
            return ServerUnreachable(f"No daemon: there is no socket at {address}.", start(address))
        case ConnectionRefusedError():
            return ServerUnreachable(f"No daemon listens at {address}.", start(address))
    return ServerUnreachable(f"No daemon at {address}: {error.strerror or error}.", LOOK)


def admission(address: Path) -> str:
    """Who may use a socket that we may not use."""
    try:
        is_private = not address.stat().st_mode & 0o077
    except OSError:  # its folder is closed to us
        return GROUP
    return "It is for its owner only." if is_private else GROUP


def start(address: Path) -> str:
    """How there comes to be a daemon: a service, or one at the socket that was named."""
    is_user_own = not os.environ.get("LIPSYNCD_SOCKET") and address == default_socket()
    if address.parent == DEFAULT_SOCKET.parent or is_user_own:
        is_instance = address.parent == DEFAULT_SOCKET.parent and address != DEFAULT_SOCKET
        unit = f"lipsyncd@{address.stem}" if is_instance else "lipsyncd"
        return f"Start it with `systemctl start {unit}`, or run `lipsyncd` by hand."
    command = shlex.join(["lipsyncd", "--socket", str(address)])
    return f"Check --socket and $LIPSYNCD_SOCKET, or start one with `{command}`."
