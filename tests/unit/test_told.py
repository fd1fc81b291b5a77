"""Of what a caged process tells nothing is believed that is not of its type."""

import msgpack
import pytest
from support.daemon.renderers import JPEG, REVIEW

from lipsyncd.protocol.review import Review

MOMENT = {"at": 0.5, "why": "", "before": None, "after": JPEG}


def altered(**fields: object) -> bytes:
    """The review with other fields."""
    return bytes(msgpack.packb(msgpack.unpackb(REVIEW.to_bytes()) | fields))


def test_a_review_travels_as_it_is_and_what_is_not_of_it_is_left_out() -> None:
    assert Review.from_bytes(REVIEW.to_bytes()) == REVIEW
    assert Review.from_bytes(altered(more=1)) == REVIEW


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": "fast"},
        {"opening": 5},
        {"loudness": [[]]},
        {"sync": "yes"},
        {"gaps": [{"start": 0.0}]},
        {"moments": [MOMENT | {"after": 1 << 40}]},  # of a number there would be as many bytes
        {"moments": [MOMENT | {"before": "text"}]},
    ],
)
def test_what_is_no_review_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Review.from_bytes(altered(**fields))


@pytest.mark.parametrize("told", [b"", b"\xc1", b"\x93\x01\x02\x03", REVIEW.to_bytes()[:-9]])
def test_what_breaks_off_or_is_nothing_of_the_kind_is_refused(told: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Review.from_bytes(told)
