"""Ids of jobs that are to be."""

import secrets

from lipsyncd.protocol.job import ALPHABET, ID_LENGTH


def new_id() -> str:
    """An id that nobody has had and nobody guesses."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
