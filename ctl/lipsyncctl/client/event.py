"""What happens to a job: an Event of its life."""

from dataclasses import dataclass

from lipsyncctl.client.job import Job


@dataclass(frozen=True)
class Event:
    """A job that has changed its state; or one that is followed, as it was at the beginning.

    `seq` is the number of the change, or of the newest one before the beginning: `follow` with
    `since=seq` goes on behind it.
    """

    job: Job
    seq: int

    @property
    def is_change(self) -> bool:
        """Whether the state is new with it."""
        return bool(self.job.message["verb"] == "happened")

    @property
    def at(self) -> float | None:
        """When it changed, in Unix seconds; None at the beginning."""
        return self.job.message.get("at")
