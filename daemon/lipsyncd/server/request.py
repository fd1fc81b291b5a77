"""A request and its reply, as the session hands them to the verbs and takes them back."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar

from lipsyncd.errors import AccessDenied, InvalidRequest, UnknownJob
from lipsyncd.protocol.job import ALPHABET, ID_LENGTH, MIN_BEGINNING, Job
from lipsyncd.protocol.state import State
from lipsyncd.protocol.user import LABEL, User
from lipsyncd.protocol.values import Values
from lipsyncd.protocol.wire import HINT
from lipsyncd.queue.snapshot import Inputs
from lipsyncd.server.peer import Peer
from lipsyncd.server.stream import Stream
from lipsyncd.service.controlplane import ControlPlane


def with_position(controlplane: ControlPlane, jobs: Iterable[Job]) -> list[dict[str, object]]:
    """The jobs as maps; the queued ones with their position and the seconds until they start, or
    with the reason why nothing does."""
    jobs = list(jobs)
    waits = any(job.state is State.QUEUED for job in jobs)
    places = controlplane.scheduler.positions.places() if waits else {}
    paused = controlplane.scheduler.paused
    pause = {"eta": None, "paused": paused} if paused else {}
    return [
        job.as_map() | (asdict(places[job.id]) | pause if job.id in places else {}) for job in jobs
    ]


Value = TypeVar("Value")
ASK_FOR_A_GROUP = "The operator can choose a group that may: `label_group` in lipsyncd.toml."

WORDS: dict[type, str] = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    list: "an array",
    str: "text",
}


@dataclass(frozen=True)
class Request:
    """One request of one client; `inputs`, which come with a submission, end with the reply."""

    controlplane: ControlPlane
    peer: Peer
    body: Mapping[str, object]
    inputs: Inputs | None
    stream: Stream

    @property
    def number(self) -> object:
        """Its id, which its answers carry as well."""
        return self.body.get("id")

    @property
    def is_admins(self) -> bool:
        """It comes from somebody who may do with every job what its owner may."""
        return self.peer.may_act_for(self.controlplane.live_config.config.admin_group)

    @property
    def owner(self) -> int | None:
        """Whose jobs its client may see, None for everybody's."""
        return None if self.is_admins else self.peer.uid

    def require_admin(self, what: str) -> None:
        """Raise AccessDenied if its client may not do `what`."""
        if not self.is_admins:
            group = self.controlplane.live_config.config.admin_group
            raise AccessDenied(f"Only an admin may {what}.", f"Admins are in the group {group}.")

    @property
    def label(self) -> str | None:
        """The label that it names, if it does.  Raises InvalidRequest."""
        return self.field("label", str, values=LABEL) if "label" in self.body else None

    def user(self, label: str | None) -> User:
        """Whom a job of this label counts for.  Raises AccessDenied if its client may set none."""
        group = self.controlplane.live_config.config.label_group
        if label and not self.peer.may_act_for(group):
            hint = f"Members of the group {group} may." if group else ASK_FOR_A_GROUP
            raise AccessDenied("This user may not hand in jobs under labels.", hint)
        return User(self.peer.uid, label or "")

    def field(
        self,
        name: str,
        kind: type[Value],
        default: Value | None = None,
        values: Values | None = None,
    ) -> Value:
        """A field of this very type, and one of `values`; without a default it has to be there."""
        value = self.body.get(name, default)
        if type(value) is int and kind is float:
            value = float(value)
        if type(value) is not kind:
            found = "is not" if name in self.body else "is missing; it has to be"
            raise InvalidRequest(f"{name} {found} {WORDS[kind]}.", HINT)
        if values and value not in values:
            raise InvalidRequest(f"{name} {values.refusal}.", values.hint)
        return value

    def job(self, name: str = "job") -> Job:
        """The job it names as it is now; UnknownJob if there is none that its client may see.

        What another user owns is looked up, and refused, just like what does not exist.
        """
        return self.job_of(self.job_id(name))

    def job_of(self, wanted: str) -> Job:
        """The same for an id."""
        found = self.controlplane.store.get(wanted, self.owner) if _is_id(wanted) else None
        if found is None:
            raise UnknownJob(f"There is no job {wanted}.", "List yours, as `lipsyncctl list` does.")
        return self.controlplane.updates.newest(found)

    def job_id(self, name: str = "job") -> str:
        """The id of the job it names, of which a beginning will do that no other of the client's
        own jobs has; any other text as it is.  Raises UnknownJob if several begin so.

        Jobs of others, an admin's included, have to be named in full: nobody learns of their ids.
        """
        return self.whole_id(self.field(name, str))

    def whole_id(self, wanted: str) -> str:
        """The same for what was typed."""
        if not MIN_BEGINNING <= len(wanted) < ID_LENGTH or not set(wanted) <= set(ALPHABET):
            return wanted
        found = self.controlplane.store.beginning(wanted, self.peer.uid)
        if len(found) > 1:
            raise UnknownJob(f"Several of your jobs begin with {wanted}.", "Type more of the id.")
        return found[0] if found else wanted


@dataclass(frozen=True)
class Reply:
    """The answer: its participle, its fields, and a descriptor to go with it (then closed)."""

    verb: str
    fields: Mapping[str, object]
    descriptor: int | None = None


def _is_id(text: str) -> bool:
    """Any other text need not be looked for, and the store may not even be able to."""
    return len(text) == ID_LENGTH and set(text) <= set(ALPHABET)
