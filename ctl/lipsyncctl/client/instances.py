"""Where the daemons are: at one socket, or in a folder with a socket for each device."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.session import Session, open_session
from lipsyncd.config import default_socket
from lipsyncd.errors import LipsyncError, UnknownJob
from lipsyncd.protocol.wire import DEFAULT_SOCKET


def find_sockets(given: str | os.PathLike[str] | None) -> list[Path]:
    """The named socket, or all in the named folder; without a name the default ones."""
    place = Path(given) if given else default_place()
    return (sorted(place.glob("*.sock")) if place.is_dir() else []) or [place]


def default_place() -> Path:
    """$LIPSYNCD_SOCKET, else the system's sockets if there are any, else the user's own."""
    is_system = "LIPSYNCD_SOCKET" not in os.environ and any(DEFAULT_SOCKET.parent.glob("*.sock"))
    return DEFAULT_SOCKET.parent if is_system else default_socket()


def answers(
    addresses: Sequence[Path], ask: Callable[[Session], Any], deadline: Deadline | None = None
) -> Iterator[tuple[Path, Any | LipsyncError]]:
    """What each daemon answers, or the error that came instead."""
    for address in addresses:
        try:
            with open_session(address, deadline) as session:
                yield address, ask(session)
        except LipsyncError as error:
            yield address, error


def answering(
    addresses: Sequence[Path], on_error: Callable[[LipsyncError], None]
) -> Sequence[Path]:
    """Those that answer; of a single one it is not asked. Raises if none does."""
    if len(addresses) == 1:
        return addresses
    asked = dict(answers(addresses, lambda session: session.state))
    errors = [answer for answer in asked.values() if isinstance(answer, LipsyncError)]
    if len(errors) == len(addresses):
        raise errors[0]
    for error in errors:
        on_error(error)
    return [address for address, answer in asked.items() if not isinstance(answer, LipsyncError)]


def taker(addresses: Sequence[Path], key: str | None) -> Path:
    """The daemon that gets a job: for a key always the same one, else the least busy."""
    if key is None:
        return least_busy(addresses)
    return max(addresses, key=lambda each: crc32(f"{each.name} {key}".encode(errors="replace")))


def least_busy(addresses: Sequence[Path]) -> Path:
    """The ready daemon with the fewest jobs, else another; raises if none answers."""
    if len(addresses) == 1:
        return addresses[0]
    asked = list(answers(addresses, lambda session: session.ask("health").body))
    loads = [(load(report), address) for address, report in asked if isinstance(report, dict)]
    if not loads:
        raise next(error for _, error in asked)
    return min(loads)[1]


def load(report: dict[str, Any]) -> tuple[bool, int]:
    """How little a daemon is to be preferred."""
    return not report["ready"], report["queued"] + report["running"]


def holder(addresses: Sequence[Path], job: str, deadline: Deadline | None = None) -> Path:
    """The daemon that has the job; UnknownJob if all answer and none has it."""
    if len(addresses) == 1:
        return addresses[0]
    errors = []
    asked = answers(addresses, lambda session: session.ask("status", job=job).body, deadline)
    for address, found in asked:
        if not isinstance(found, LipsyncError):
            return address
        errors.append(found)
    raise next((error for error in errors if not isinstance(error, UnknownJob)), errors[0])
