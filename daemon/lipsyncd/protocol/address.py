"""The address of a daemon: which socket it listens at, if nobody says otherwise."""

import os

DEFAULT_SOCKET = "/run/lipsyncd/control.sock"  # the system's


def default_socket() -> str:
    """$LIPSYNCD_SOCKET, else the system's socket for root, else one of the user."""
    if given := os.environ.get("LIPSYNCD_SOCKET"):
        return given
    if os.geteuid() == 0:
        return DEFAULT_SOCKET
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return f"{runtime}/lipsyncd/control.sock"
