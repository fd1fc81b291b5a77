"""What is asked of the daemon itself: its health, what it is made of, a drain."""

import os

from lipsyncctl.client.address import address_of, others
from lipsyncctl.client.session import ANSWER, Notice, open_session
from lipsyncctl.client.told import Answer, given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

# They change nothing, so they start no daemon either.
QUESTIONS = frozenset({"health", "info", "models", "status", "recount", "measure"})


class Daemon:
    """The daemon at `address`; `on_notice` hears what is worth knowing beside an answer.

    Every method raises ServerUnreachable if it does not answer, AccessDenied if it may not be
    asked.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        on_notice: Notice = lambda _: None,
    ) -> None:
        self.address = address_of(socket)
        self.on_notice = on_notice

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way, which a question is not."""

    def others(self) -> list[str]:
        """The sockets of other daemons of the system, each with a queue of its own.

        >>> for socket in client.others(): print(len(Client(socket).list()))
        """
        return others(self.address)

    def health(self) -> Answer:
        """Whether the daemon would render now: `ready`, `state` (a word), `device`, `detail`,
        `paused` (why no job is started, or empty), `queued` and `running` (numbers of jobs),
        `devices`, each by itself, and `max_face_bytes` and `max_voice_bytes`. A daemon that lacks
        some of its devices is degraded, but ready.

        >>> if not client.health()["ready"]: ...
        """
        return self._ask("health")

    def info(self) -> Answer:
        """What the daemon is made of: `version`, `pid`, `device`, `checkpoint` and more.

        >>> print(client.info()["version"])
        """
        return self._ask("info")

    def measure(self) -> Answer:
        """What has become of all jobs since the daemon began: `accepted` and `frames` (numbers),
        `ended` by state and reason, how long they were `waiting` and `running`, and more.

        >>> print(client.measure()["frames"])
        """
        return self._ask("measure")

    def models(self) -> Answer:
        """The weights that lie in `folder`, beside the checkpoint: `models`, each with its `name`,
        `what` it is, its `licence`, whether it `runs` as the generator, and else its `problem`.

        >>> [each["name"] for each in client.models()["models"] if each["runs"]]
        """
        return self._ask("models", timeout=None)  # each is loaded once

    def drain(self, reason: str | None = None) -> Answer:
        """No more jobs are taken and none started, until `resume`; for admins.

        `running` and `queued` are the numbers of jobs. A long reason is an InvalidRequest.

        >>> client.drain("new disks")
        """
        return self._ask("drain", **given({"reason": reason}))

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

    def _ask(self, verb: str, timeout: float | None = ANSWER, **fields: object) -> Answer:
        """The answer of the daemon, in a session of its own."""
        with open_session(self.address, is_question=verb in QUESTIONS) as session:
            return session.ask(verb, timeout, (), **fields).body
