"""Places: where the daemon has its files, if nobody says otherwise."""

import os
import sys
from pathlib import Path


def default_state() -> Path:
    """$STATE_DIRECTORY (from systemd), else the system's for root, else one of the user."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/lipsyncd")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(home) / "lipsyncd"


def default_checkpoint(name: str) -> Path:
    """The checkpoint in the checkout we run from, else where an installation puts it."""
    checkout = Path(__file__).parents[3] / "checkpoints"
    installed = Path(sys.prefix) / "share/lipsyncd/checkpoints"
    return (checkout if checkout.is_dir() else installed) / name
