"""A key, which makes one job of all submissions that carry it: the user's own, or one made up."""

import os

MADE_UP = "auto-"  # what such keys begin with


def made_up_key() -> str:
    """A key for one submission, so that it may be repeated when its answer is lost."""
    return f"{MADE_UP}{os.urandom(8).hex()}"


def is_made_up(key: str) -> bool:
    """Nobody has chosen this key."""
    return key.startswith(MADE_UP)
