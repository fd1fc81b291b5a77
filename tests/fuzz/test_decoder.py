"""However frames are spoiled, cut and strung together: a message comes out, or a named error."""

import socket
import threading
from random import Random

from fuzz.decoder import Search, outcome, storm
from fuzz.mutation import seeds, spoiled
from hypothesis import given
from hypothesis import strategies as some

from lipsyncd.errors import ProtocolError
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import HEADER, Kind, encode

KINDS = {kind.name for kind in Kind}
ERRORS = {"proto.malformed", "proto.too_large", "proto.version"}

plain = some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | some.floats()
texts = some.text(max_size=20) | some.sampled_from(["%s", "\n<0>", "\udcff", "\0", "a" * 300])
values = some.recursive(
    plain | texts | some.binary(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
bodies = some.dictionaries(texts, values, max_size=6)
frames = some.builds(encode, some.sampled_from(Kind), bodies)


def received(data: bytes, cuts: list[int]) -> list[dict[str, object]]:
    """The bodies that arrive before the end, or before an error, when the bytes come in pieces."""
    ours, theirs = socket.socketpair()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]

    def send() -> None:
        with theirs:
            for start, end in zip(edges, edges[1:], strict=False):
                theirs.sendall(data[start:end])

    sender = threading.Thread(target=send)
    sender.start()
    found = []
    with Connection(ours) as connection:
        try:
            while message := connection.receive():
                found.append(message.body)
        except ProtocolError:
            pass
        sender.join()
    return found


@given(frames)
def test_any_body_of_ours_is_a_message_or_too_deep(frame: bytes) -> None:
    assert outcome(frame) in KINDS | {"proto.malformed"}


@given(some.binary(max_size=300))
def test_any_bytes_under_a_good_header_are_judged(body: bytes) -> None:
    frame = HEADER.pack(b"LS", 1, Kind.REQUEST, len(body)) + body
    assert outcome(frame) in {"REQUEST", "proto.malformed"}


@given(some.lists(some.sampled_from(seeds()), max_size=5), some.lists(some.integers(0), max_size=8))
def test_messages_arrive_whole_however_they_are_cut(said: list[bytes], cuts: list[int]) -> None:
    assert [encode(Kind.REQUEST, body) for body in received(b"".join(said), cuts)] == said


@given(
    some.lists(some.sampled_from(seeds()), max_size=3),
    some.binary(min_size=1, max_size=60).filter(lambda noise: not b"LS\x01".startswith(noise[:3])),
    some.lists(some.integers(0), max_size=4),
)
def test_what_came_before_noise_has_arrived(
    said: list[bytes], noise: bytes, cuts: list[int]
) -> None:
    assert len(received(b"".join(said) + noise, cuts)) == len(said)


def test_the_search_comes_to_where_no_good_frame_leads_and_finds_no_crash() -> None:
    search = Search(Random(1))
    known = len(search.steps)
    search.run(3000)
    assert len(search.steps) > 1.3 * known


def test_a_storm_of_spoiled_frames_leaves_messages_and_named_errors() -> None:
    outcomes = storm(seeds(), 50_000, Random(2))
    assert sum(outcomes.values()) == 50_000
    assert set(outcomes) <= KINDS | ERRORS
    assert set(outcomes) >= ERRORS | {"REQUEST"}


def test_a_frame_is_spoiled_in_the_same_way_by_the_same_chance() -> None:
    first, second = (
        [spoiled(frame, seeds(), random) for random in [Random(3)] for frame in seeds()]
        for _ in range(2)
    )
    assert first == second
