"""What a daemon tells: fields by name, whose values are whatever msgpack can hold."""

from collections.abc import Iterable, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Told = Mapping[str, "Any"]  # to be read
Answer = dict[str, "Any"]  # a whole message of the wire
Columns = dict[str, "list[Any]"]  # of many jobs: by field its values, in the order of the jobs


def given(fields: Told) -> Answer:
    """Without those that are left to the daemon."""
    return {name: value for name, value in fields.items() if value is not None}


def by_field(jobs: Sequence[Told], names: Iterable[str]) -> Columns:
    """These fields of all jobs; None where a job has none."""
    return {name: [job.get(name) for job in jobs] for name in names}
