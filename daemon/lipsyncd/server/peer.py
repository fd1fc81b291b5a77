"""The process at the other end of a session, as the kernel vouches for it."""

import ctypes
import errno
import grp
import os
import socket
import struct
from dataclasses import dataclass
from typing import Self

ROOT = 0
CREDENTIALS = struct.Struct("=iII")  # pid, uid, gid
SO_PEERGROUPS = 59
GID = ctypes.c_uint32
USUAL = 32  # groups; who is in more is asked again

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Peer:
    """Who connected a socket: a process, its user, and all groups the user is in."""

    pid: int
    uid: int
    gids: frozenset[int] = frozenset()

    @classmethod
    def of(cls, sock: socket.socket) -> Self:
        """The peer of a connected Unix socket; what it does to itself later changes nothing."""
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        pid, uid, gid = CREDENTIALS.unpack(data)
        return cls(pid, uid, frozenset({gid, *_groups_of(sock)}))

    @property
    def is_operator(self) -> bool:
        """Root, or the daemon's own user, who could do everything anyway."""
        return self.uid in (ROOT, os.geteuid())

    def may_act_for(self, group: str) -> bool:
        """An operator or a member of this group, as the system knows it at this moment."""
        return self.is_operator or _gid_of(group) in self.gids

    def __str__(self) -> str:
        return f"uid {self.uid}, pid {self.pid}"


def _gid_of(group: str) -> int | None:
    """A group that does not exist has no members."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _groups_of(sock: socket.socket) -> list[int]:
    """The supplementary groups; socket.getsockopt has room for 256 only, a user for 65536."""
    size = ctypes.c_uint32(USUAL * ctypes.sizeof(GID))
    while True:
        gids = (GID * (size.value // ctypes.sizeof(GID)))()
        where = (sock.fileno(), socket.SOL_SOCKET, SO_PEERGROUPS)
        if libc.getsockopt(*where, gids, ctypes.byref(size)) == 0:
            return gids[: size.value // ctypes.sizeof(GID)]
        error = ctypes.get_errno()
        if error != errno.ERANGE:
            raise OSError(error, os.strerror(error))
