"""A key, which makes one job of all submissions that carry it: the user's own, or one made up."""

import secrets
from argparse import ArgumentTypeError

from lipsyncd.jobs.options import MAX_KEY

MADE_UP = "auto-"  # what such keys begin with


def typed_key(text: str) -> str:
    """A key of the user's; ArgumentTypeError if the daemon would not take it."""
    if not 0 < len(text) <= MAX_KEY:
        raise ArgumentTypeError(f"a key has 1 to {MAX_KEY} characters")
    return text


def made_up_key() -> str:
    """A key for one submission, so that it may be repeated when its answer is lost."""
    return f"{MADE_UP}{secrets.token_hex(8)}"


def is_made_up(key: str) -> bool:
    """Nobody has chosen this key."""
    return key.startswith(MADE_UP)
