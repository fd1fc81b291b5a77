"""Symbolic links in a path: followed, but for those of strangers in folders like /tmp."""

import os
import stat

from lipsyncd.errors import InvalidRequest

MOST = 40  # links in one path, as for the kernel
SHARED = stat.S_IWGRP | stat.S_IWOTH


def followed(name: str) -> str:
    """The absolute path that `name` leads to; what does not exist is taken as it is written.

    The kernel's protected_symlinks, which is no protection for who reads links and writes beside
    their targets. Raises InvalidRequest at a link that may not be followed.
    """
    left = _parts(name if os.path.isabs(name) else os.path.join(os.getcwd(), name))
    here, links = "/", 0
    while left:
        path = os.path.join(here, left.pop())
        if os.path.basename(path) == "..":
            here = os.path.dirname(here)
        elif not os.path.islink(path):
            here = path
        else:
            links += 1
            if links > MOST:
                raise InvalidRequest(f"{name} has too many links in it.", "Choose another name.")
            _refuse_strangers(path, here)
            target = os.readlink(path)
            here = "/" if os.path.isabs(target) else here
            left += _parts(target)
    return here


def _refuse_strangers(link: str, folder: str) -> None:
    """Whoever may follow it here cannot be led astray later: others cannot replace it."""
    place, owner = os.stat(folder), os.lstat(link).st_uid
    is_shared = place.st_mode & stat.S_ISVTX and place.st_mode & SHARED
    if is_shared and owner not in {os.geteuid(), place.st_uid}:
        raise InvalidRequest(
            f"{link} is a link made by another user, uid {owner}, in a folder that is shared.",
            "Choose another name.",
        )


def _parts(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]
