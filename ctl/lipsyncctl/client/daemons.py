"""What is asked of the daemons themselves: their health, what they are made of, a drain."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from lipsyncctl.client.instances import answering, find_sockets
from lipsyncctl.client.session import Notice, open_session
from lipsyncd.errors import InvalidRequest, LipsyncError

Answer = dict[str, Any]  # a message of the wire, by its fields


class Daemons:
    """The daemons at a place; `on_notice` hears what is worth knowing beside an answer.

    What is asked here is asked of one daemon. Where there are several, as with a GPU for each,
    ask `instances` one by one:

    >>> for each in client.instances:
    ...     print(each.name, each.health()["state"])

    Every method raises ServerUnreachable if no daemon answers, AccessDenied if it may not be
    asked, and InvalidRequest if there are several.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        on_notice: Notice = lambda _: None,
    ) -> None:
        self.on_notice = on_notice
        self.addresses = find_sockets(socket)

    @property
    def name(self) -> str:
        """What the first daemon is called: cuda0, or control if it is the only one."""
        return self.addresses[0].stem

    @property
    def instances(self) -> list[Self]:
        """A client for each daemon."""
        return [self._of([address]) for address in self.addresses]

    def answering(self, on_error: Callable[[LipsyncError], None] = lambda _: None) -> Self:
        """A client for those of several daemons that answer; `on_error` hears why others do not.

        Raises ServerUnreachable if none does.

        >>> for event in client.answering().follow():
        ...     print(event.job.id, event.job.state)
        """
        return self._of(list(answering(self.addresses, on_error)))

    def health(self) -> Answer:
        """Whether the daemon would render now: `ready`, `state` (a word), `device`, `detail`,
        `paused` (why no job is started, or empty), `queued` and `running` (numbers of jobs).

        >>> if not client.health()["ready"]: ...
        """
        return self._ask("health")

    def info(self) -> Answer:
        """What the daemon is made of: `version`, `pid`, `device`, `checkpoint` and more.

        >>> print(client.info()["version"])
        """
        return self._ask("info")

    def drain(self, reason: str | None = None) -> Answer:
        """No more jobs are taken and none started, until `resume`; for admins.

        `running` and `queued` are the numbers of jobs. A long reason is an InvalidRequest.

        >>> client.drain("new disks")
        """
        return self._ask("drain", **({} if reason is None else {"reason": reason}))

    def resume(self) -> Answer:
        """Jobs are taken and started again; `queued` is their number; for admins.

        >>> client.resume()
        """
        return self._ask("resume")

    def reload(self) -> Answer:
        """The configuration is read again and in force on return; `detail` is what changed.

        For root and the daemon's own user. Raises ConfigInvalid, CheckpointMissing,
        CheckpointInvalid and others of the daemon's start; then all is as before.

        >>> print(client.reload()["detail"])
        """
        return self._ask("reload", timeout=None)  # it may have to load a checkpoint

    def _ask(self, verb: str, **fields: Any) -> Answer:
        if len(self.addresses) > 1:
            raise InvalidRequest(
                f"There are {len(self.addresses)} daemons.", "Ask each of `instances`."
            )
        return ask(self.addresses[0], verb, **fields)

    def _of(self, addresses: list[Path]) -> Self:
        """The same, for other daemons."""
        other = type(self)(addresses[0], self.on_notice)
        other.addresses = addresses
        return other


def ask(address: Path, verb: str, **fields: Any) -> Answer:
    """The answer of one daemon, in a session of its own."""
    with open_session(address) as session:
        return session.ask(verb, **fields).body
