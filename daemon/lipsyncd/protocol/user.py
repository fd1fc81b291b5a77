"""A user: whom a job counts for, wherever there are bounds, turns and places for each."""

from typing import NamedTuple

from lipsyncd.protocol.values import Values

MAX_LABEL = 64  # characters


def is_label(label: object) -> bool:
    """Text on one line that can be shown as it is."""
    return isinstance(label, str) and 0 < len(label) <= MAX_LABEL and label.isprintable()


LABEL = Values(is_label, f"is 1 to {MAX_LABEL} printable characters")


class User(NamedTuple):
    """Somebody with a uid of his own; or, by `label`, one of many for whom one uid hands in jobs.

    Whose a job is, and who may do what with it, is another matter, and the uid's alone.
    """

    uid: int
    label: str = ""
