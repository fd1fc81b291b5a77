"""What the daemon tells of a job, to be read."""

from collections.abc import Iterator

from lipsyncctl.client.told import Told
from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.state import ENDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Job(Told):
    """A job as it was when its daemon told it; it does not change any more.

    It is a mapping of the job's fields as they travel, those that this version does not know
    included; so a daemon of another version loses nothing on its way. What every version tells
    is also an attribute. Times are Unix seconds; `done`, `total` and `faces` count frames.

    `message` is the whole answer or event that told it: its `verb` and what it carried beside.
    """

    def __init__(self, message: Told) -> None:
        self.message = {name: value for name, value in message.items() if name != "id"}
        self._fields: Told = message["job"]

    def __getitem__(self, name: str) -> "Any":
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """Twelve characters, by which every verb knows it."""
        return str(self["id"])

    @property
    def owner(self) -> int:
        """The uid of whoever submitted it."""
        return int(self["owner"])

    @property
    def label(self) -> str:
        """Whom it is for, if its owner hands in jobs for many people; else empty."""
        return str(self.get("label", ""))

    @property
    def face(self) -> str:
        """The name of its video or still, for display."""
        return str(self["face"])

    @property
    def voice(self) -> str:
        """The name of its sound file, for display."""
        return str(self["voice"])

    @property
    def state(self) -> str:
        """queued, running, succeeded, failed, cancelled, expired or quarantined."""
        return str(self["state"])

    @property
    def is_ended(self) -> bool:
        """Nothing will change it any more."""
        return self.state in ENDED

    @property
    def done(self) -> int:
        """Frames that are rendered."""
        return int(self["done"])

    @property
    def total(self) -> int:
        """Frames to render, 0 while they are not counted."""
        return int(self["total"])

    @property
    def position(self) -> int | None:
        """Its place in the queue, from 1; None if it is not queued or this was not told."""
        return self.get("position")

    @property
    def eta(self) -> float | None:
        """Seconds until it starts; None if nobody can tell."""
        return self.get("eta")

    @property
    def paused(self) -> str:
        """Why no job is started at present; empty if some are."""
        return self.get("paused") or ""

    @property
    def error(self) -> LipsyncError | None:
        """Why it went wrong; to be read or to be raised."""
        return LipsyncError.from_map(self["error"]) if self["error"] else None
