"""Why there is no session, in words, and what to do about it."""

import grp
import os
import pwd
import shlex
from contextlib import suppress
from pathlib import Path

from lipsyncctl.client.address import is_systems, others
from lipsyncctl.client.units import look, states, unit_of
from lipsyncd.errors import AccessDenied, InvalidRequest, LipsyncError, ServerUnreachable
from lipsyncd.protocol.address import DEFAULT_SOCKET, default_socket
from lipsyncd.system.lock import command_at

LISTENING = 0x10000  # __SO_ACCEPTCON, the flag of /proc/net/unix
LONGEST_PATH = 107  # bytes; Linux has no room for more in a socket's address
CLOSED = "Ask its owner for access: `ls -l` names the group that has it."


def failure(error: OSError, address: str) -> LipsyncError:
    """Why nobody could connect to the socket at `address`."""
    if len(os.fsencode(address)) > LONGEST_PATH:
        words = f"No daemon can be at {address}."
        return InvalidRequest(words, f"A socket's path has at most {LONGEST_PATH} bytes.")
    match error:
        case PermissionError():
            return AccessDenied(f"You may not use the socket {address}.", admission(address))
        case FileNotFoundError() if is_fallback(address):
            where = f"{DEFAULT_SOCKET}, the system's, and none at {address}, your own"
            return ServerUnreachable(f"No daemon: there is no socket at {where}.", start(address))
        case FileNotFoundError():
            return ServerUnreachable(f"No daemon: there is no socket at {address}.", start(address))
        case ConnectionRefusedError():
            return ServerUnreachable(f"No daemon listens at {address}.", start(address))
    return ServerUnreachable(f"No daemon at {address}: {error.strerror or error}.", look(address))


def admission(address: str) -> str:
    """Who may use a socket that we may not use."""
    try:
        found = os.stat(address)
        group = grp.getgrgid(found.st_gid)
        user = pwd.getpwuid(os.geteuid())
    except (OSError, KeyError):  # its folder is closed to us, or nobody has a name
        return CLOSED
    if not found.st_mode & 0o077:
        return "It is for its owner only."
    if user.pw_name in group.gr_mem:
        return f"You are in its group {group.gr_name} by now: log in again."
    join = f"usermod --append --groups {group.gr_name} {user.pw_name}"
    return f"It is for the group {group.gr_name}: ask root for `{join}`, then log in again."


def start(address: str) -> str:
    """How there comes to be a daemon: a service, or one at the socket that was named."""
    again = used_at(address)
    if not is_own(address) and not is_systems(address):
        if again:
            return f"Start it again with `{again}`."
        by_hand = shlex.join(["lipsyncd", "--socket", address])
        return f"Check --socket and $LIPSYNCD_SOCKET, or start one with `{by_hand}`."
    unit, is_instance = unit_of(address), is_systems(address) and address != DEFAULT_SOCKET
    if is_systems(address) and is_open(address):
        return f"Its file was removed; `systemctl restart {unit}.socket` makes it anew."
    if is_systems(address) and "failed" in states(f"{unit}.socket", f"{unit}.service"):
        again = f"systemctl reset-failed {unit}.socket {unit}; systemctl start {unit}"
        return f"Its service has failed, as `systemctl status {unit}` tells; `{again}` tries again."
    if again:
        return f"Start it again with `{again}`, or the system's with `systemctl start {unit}`."
    return f"Start it with `systemctl start {unit}`{'' if is_instance else other_than_service()}."


def used_at(address: str) -> str:
    """The command by which somebody started the daemon that was there; empty if nobody did."""
    with suppress(OSError):
        return command_at(Path(address))
    return ""


def other_than_service() -> str:
    """What else there is to do: use an instance, if there is one."""
    instances = [each for each in others(DEFAULT_SOCKET) if each.endswith(".sock")]
    if instances:
        return f", or use an instance with `--socket {instances[0]}`"
    return ", or run `lipsyncd` by hand"


def is_own(address: str) -> bool:
    """Whether it is the socket that a user's own daemon has if nobody says otherwise."""
    return not os.environ.get("LIPSYNCD_SOCKET") and address == default_socket()


def is_fallback(address: str) -> bool:
    """Whether the user's own is used because the system has none."""
    return is_own(address) and not is_systems(address) and not os.path.exists(DEFAULT_SOCKET)


def is_open(address: str) -> bool:
    """Whether a socket that was bound there still listens, also when its file is gone."""
    wanted = os.fsencode(address)
    try:
        lines = Path("/proc/net/unix").read_bytes().splitlines()[1:]
    except OSError:
        return False
    sockets = [line.split(maxsplit=7) for line in lines]
    return any(found[7:] == [wanted] and int(found[3], 16) & LISTENING for found in sockets)
