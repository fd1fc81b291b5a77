"""The connection to Redis, and what its failures are called."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import redis

from lipsyncd.errors import (
    AccessDenied,
    ConfigInvalid,
    DiskFull,
    LipsyncError,
    ServerUnreachable,
    StorageError,
)
from lipsyncfarm.config import Farm

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds for a connection, and for each answer
USUAL_USER = "default"  # of Redis, who has the password where users have no names


def address_of(farm: Farm) -> str:
    """The broker's address, with the password that is a secret of its own."""
    password = farm.secret("broker-password")
    if not password:
        return farm.broker
    parts = urlsplit(farm.broker)
    place = parts.netloc.rpartition("@")[2]
    user = parts.username or USUAL_USER
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


def connect(farm: Farm) -> "redis.Redis":
    """A client, which connects when it is first used and may be used by several threads."""
    address = address_of(farm).replace("redis+socket://", "unix://", 1)
    return redis.Redis.from_url(
        address,
        decode_responses=True,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        health_check_interval=30,
    )


@contextmanager
def named(farm: Farm) -> Iterator[None]:
    """What fails in here because of Redis has a name of ours.

    Raises ServerUnreachable if it is away, AccessDenied, DiskFull, StorageError.
    """
    try:
        yield
    except redis.RedisError as error:
        raise name_of(farm, error) from error


def name_of(farm: Farm, error: redis.RedisError) -> LipsyncError:
    """The same failure by who has to act."""
    where, words = f"The Redis of the farm {farm.name}", str(error).rstrip(".")
    match error:
        case redis.AuthenticationError() | redis.exceptions.NoPermissionError():
            hint = "Check the user in broker = and $LIPSYNCFARM_BROKER_PASSWORD."
            return AccessDenied(f"{where} lets nobody in like this: {words}.", hint)
        case redis.exceptions.OutOfMemoryError():
            hint = "Try again later, or ask its operator for a higher maxmemory."
            return DiskFull(f"{where} has no memory left.", hint)
        case redis.ConnectionError() | redis.TimeoutError():
            hint = f"Look whether it runs at {farm.broker}, and whether this host reaches it."
            return ServerUnreachable(f"{where} does not answer: {words}.", hint)
    return StorageError(f"{where} cannot do it: {words}.", "Ask its operator to look at its log.")


def check(farm: Farm, client: "redis.Redis") -> None:
    """Raise ConfigInvalid for a Redis that throws away what it has when its memory is full.

    One that keeps nothing on its disk is worth a warning: what is queued there is lost with it.
    """
    with named(farm):
        found: Any = client.info()
    policy = found.get("maxmemory_policy", "noeviction")
    if not found.get("aof_enabled"):
        hint = "redis-cli config set appendonly yes"
        log.warning("the farm's Redis loses queued jobs when it restarts: %s", hint)
    if policy != "noeviction":
        raise ConfigInvalid(
            f"The Redis of the farm {farm.name} would forget jobs: maxmemory-policy is {policy}.",
            "Let its operator set it: redis-cli config set maxmemory-policy noeviction.",
        )
