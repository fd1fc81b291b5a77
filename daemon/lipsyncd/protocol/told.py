"""What a caged process has told, of which nothing is believed that is not of its type."""

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.job import MAX_NOTE


def read(kind: Any, value: Any) -> Any:
    """A value of JSON or msgpack as an annotation has it.

    Raises KeyError, TypeError, ValueError.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None and NoneType in inner else read(inner[0], value)
    if origin is tuple:
        return tuple(read(inner[0], each) for each in value)
    if origin is dict:
        return LipsyncError.from_map(value).as_map()
    if isinstance(kind, type) and is_dataclass(kind):
        types = get_type_hints(kind)
        return kind(
            **{each.name: read(types[each.name], value[each.name]) for each in fields(kind)}
        )
    if kind is bytes and not isinstance(value, bytes):
        raise TypeError("no bytes")  # of a number they would be as many
    return str(value)[:MAX_NOTE] if kind is str else kind(value)
