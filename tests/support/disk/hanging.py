"""A FUSE file system that never answers a FLUSH of others: where they close a file, they hang.

`hanging.py FOLDER UID` mounts it as this user's, says "mounted", and serves until it is killed or
its connection is aborted. Every name in the folder is a small file. It speaks the kernel's protocol
itself (linux/fuse.h), and has to be root, to mount.
"""

import ctypes
import errno
import os
import struct
import sys
from contextlib import suppress

REQUEST = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, extensions
ANSWER = struct.Struct("<IiQ")  # length, error, unique
LOOKUP, FORGET, GETATTR, OPEN, RELEASE = 1, 2, 3, 14, 18
FLUSH, INIT, INTERRUPT, BATCH_FORGET = 25, 26, 36, 42
NOT_ANSWERED = (FORGET, INTERRUPT, BATCH_FORGET)  # by the protocol
FOLDER, FILE = 1, 2  # nodes
MODES = {FOLDER: 0o40755, FILE: 0o100644}
SIZE = 4096  # bytes of a file
NOSUID_NODEV = 6
AT_MOST = 1 << 17  # bytes of a request
VALID = 3600  # seconds for which the kernel may keep what it was told


def main(folder: str, uid: str) -> None:
    connection = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    mount(folder, f"fd={connection},rootmode=40000,user_id={uid},group_id={uid}")
    print("mounted", flush=True)
    with suppress(OSError):  # ENODEV: it was aborted
        while True:
            serve(connection, int(uid))


def mount(folder: str, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"silent", folder.encode(), b"fuse", NOSUID_NODEV, options.encode()):
        raise OSError(ctypes.get_errno(), "mount", folder)


def serve(connection: int, owner: int) -> None:
    """One request, answered or not."""
    _, opcode, unique, node, uid, *_ = REQUEST.unpack_from(os.read(connection, AT_MOST))
    if opcode in NOT_ANSWERED or (opcode == FLUSH and uid != owner):
        return
    body = answer(opcode, node, owner)
    error = -errno.ENOSYS if body is None else 0
    body = body or b""
    os.write(connection, ANSWER.pack(ANSWER.size + len(body), error, unique) + body)


def answer(opcode: int, node: int, owner: int) -> bytes | None:
    """The body of an answer; None to what this file system cannot do."""
    if opcode == INIT:  # version 7.31, and writes of at most 4096 bytes
        return struct.pack("<4I2H11I", 7, 31, 0, 0, 12, 9, 4096, *[0] * 10)
    if opcode == LOOKUP:
        return struct.pack("<4Q2I", FILE, 0, VALID, VALID, 0, 0) + attributes(FILE, owner)
    if opcode == GETATTR:
        return struct.pack("<Q2I", VALID, 0, 0) + attributes(node, owner)
    if opcode == OPEN:
        return struct.pack("<Q2I", 0, 0, 0)
    return b"" if opcode in (FLUSH, RELEASE) else None


def attributes(node: int, owner: int) -> bytes:
    """A fuse_attr: a folder, or a file."""
    return struct.pack("<6Q10I", node, SIZE, *[0] * 7, MODES[node], 1, owner, owner, 0, 0, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
