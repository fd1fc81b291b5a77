"""What a daemon tells: fields by name, whose values are whatever msgpack can hold."""

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Told = Mapping[str, "Any"]  # to be read
Answer = dict[str, "Any"]  # a whole message of the wire


def given(fields: Told) -> Answer:
    """Without those that are left to the daemon."""
    return {name: value for name, value in fields.items() if value is not None}
