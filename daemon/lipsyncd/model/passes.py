"""The passes that were made for jobs: how many, how full they were, and how long they took."""

from dataclasses import asdict, dataclass


@dataclass
class Passes:
    """`rows` were wanted of them, `room` is what they had; `seconds` is what they took in all.

    One thread adds; a reader may be behind by the pass that is just being added.
    """

    count: int = 0
    rows: int = 0
    room: int = 0
    seconds: float = 0.0

    def add(self, rows: int, room: int, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.rows += rows
        self.room += room
        self.seconds += seconds

    def as_map(self) -> dict[str, float]:
        """As it travels."""
        return asdict(self)
