"""What a client may choose for its job: when it is rendered, and for whom."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from lipsyncd.protocol.bounds import MAX_SECONDS
from lipsyncd.protocol.choices import check, known
from lipsyncd.protocol.user import LABEL
from lipsyncd.protocol.values import Values, one_of, text

MAX_KEY = 128  # characters


def is_duration(seconds: object) -> bool:
    """A positive number that a calendar can hold; bool is none, and nan compares as false."""
    return type(seconds) in (int, float) and 0 < seconds <= MAX_SECONDS  # type: ignore[operator]


AFTER = text("[0-9a-z]{4,12}", "is the id of a job, or its beginning")
KEY = text(f".{{1,{MAX_KEY}}}", f"is 1 to {MAX_KEY} characters")
DURATION = Values(is_duration, "is a number of seconds")


class Priority(StrEnum):
    """Whose turn it is first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True)
class Terms:
    """When a client wants its job rendered, when not at all any more, and for whom."""

    priority: Priority = one_of(*map(str, Priority)).default(
        Priority.NORMAL, "whose turn it is first; high is for admins"
    )
    key: str | None = KEY.default(
        None,
        "a name of your choice for this job: however often it is handed in with the same "
        "key, there is one job",
    )
    expires: float | None = DURATION.default(
        None, "so long from now the result is of use; a job that has not ended then expires"
    )
    max_runtime: float | None = DURATION.default(
        None,
        "so long the render may take, if the operator's limit is not less; "
        "a job that takes longer expires",
    )
    after: str | None = AFTER.default(
        None,
        "the id of a job that has to succeed before this one is begun; if it does not, this "
        "one fails",
    )
    label: str | None = LABEL.default(
        None,
        "whom it is for, of many for whom one program hands in jobs: each counts as a user; "
        "for those whom the operator lets do so",
    )

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def from_map(cls, terms: object) -> Self:
        """The terms in a request; whatever is not one of them is an InvalidRequest."""
        return cls(**known(cls, terms, "terms"))
