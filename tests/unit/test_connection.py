"""Messages and descriptors arrive whole, or the peer is told why not; none of them is leaked."""

import array
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from lipsyncd.errors import MalformedMessage, MessageTooLarge, VersionMismatch
from lipsyncd.protocol.connection import Connection, peeked
from lipsyncd.protocol.wire import HEADER, MAX_BODY, MAX_DESCRIPTORS, Kind, encode

Pair = tuple[Connection, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection, and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    with Connection(ours, timeout=0.05) as connection, theirs:
        yield connection, theirs


def open_count() -> int:
    return len(os.listdir("/proc/self/fd"))


def send_with(sock: socket.socket, data: bytes, descriptors: list[int]) -> None:
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
    sock.sendmsg([data], [rights])


def test_a_message_arrives_with_its_descriptors(pair: Pair) -> None:
    connection, theirs = pair
    reader, writer = os.pipe()
    with Connection(theirs.dup()) as other:
        other.send(Kind.REQUEST, {"verb": "submit"}, [reader])
    os.close(reader)
    with connection.receive() or pytest.fail() as message:
        assert (message.kind, message.body) == (Kind.REQUEST, {"verb": "submit"})
        taken = message.take()
    assert not os.get_inheritable(taken)
    os.write(writer, b"through")
    assert os.read(taken, 9) == b"through"
    os.close(taken)
    os.close(writer)


def test_descriptors_nobody_took_are_closed(pair: Pair) -> None:
    connection, theirs = pair
    before = open_count()
    send_with(theirs, encode(Kind.REQUEST, {}), [0, 0, 0, 0])
    with connection.receive() or pytest.fail() as message:
        assert len(message.descriptors) == 4
        assert open_count() == before + 4
    assert open_count() == before


def test_a_message_byte_by_byte_is_whole(pair: Pair) -> None:
    connection, theirs = pair
    data = encode(Kind.REQUEST, {"verb": "hello"})
    sender = threading.Thread(
        target=lambda: [theirs.send(data[n : n + 1]) for n in range(len(data))]
    )
    sender.start()
    message = connection.receive()
    sender.join()
    assert message and message.body == {"verb": "hello"}


def test_two_messages_at_once_are_two(pair: Pair) -> None:
    connection, theirs = pair
    theirs.send(encode(Kind.REQUEST, {"id": 1}) + encode(Kind.REQUEST, {"id": 2}))
    received = [connection.receive(), connection.receive()]
    assert [message and message.body["id"] for message in received] == [1, 2]


def test_the_largest_message_arrives(pair: Pair) -> None:
    connection, theirs = pair
    body = {"text": "x" * (MAX_BODY - 11)}
    data = encode(Kind.REPLY, body)
    assert len(data) == MAX_BODY + HEADER.size
    sender = threading.Thread(target=theirs.sendall, args=[data])
    sender.start()
    message = connection.receive()
    sender.join()
    assert message and message.body == body


def test_messages_of_several_threads_arrive_whole() -> None:
    """Each is larger than what the socket takes at once."""
    ours, theirs = socket.socketpair()
    words = [letter * MAX_BODY for letter in "abcd"]
    with Connection(ours) as connection, Connection(theirs) as other:
        threads = [
            threading.Thread(target=connection.send, args=[Kind.EVENT, {"word": word[:-100]}])
            for word in words
        ]
        for thread in threads:
            thread.start()
        found = {str(other.receive().body["word"])[0] for _ in threads}
        for thread in threads:
            thread.join()
    assert found == set("abcd")


def test_a_peer_that_hangs_up_between_messages_is_none(pair: Pair) -> None:
    connection, theirs = pair
    theirs.close()
    assert connection.receive() is None


def test_a_peer_that_hangs_up_within_a_message_is_malformed(pair: Pair) -> None:
    connection, theirs = pair
    theirs.send(encode(Kind.REQUEST, {"verb": "hello"})[:-1])
    theirs.close()
    with pytest.raises(MalformedMessage, match="hung up"):
        connection.receive()


@pytest.mark.parametrize("length", [1, HEADER.size, HEADER.size + 3])
def test_a_message_that_begins_and_does_not_end_is_given_up(pair: Pair, length: int) -> None:
    connection, theirs = pair
    theirs.send(encode(Kind.REQUEST, {"verb": "hello"})[:length])
    with pytest.raises(MalformedMessage, match="in time"):
        connection.receive()


@pytest.mark.parametrize(
    "data, error",
    [
        (b"GET / HTTP/1.1\r\n", MalformedMessage),
        (HEADER.pack(b"LS", 9, 1, 1), VersionMismatch),
        (HEADER.pack(b"LS", 1, 1, 0xFFFFFFFF), MessageTooLarge),
        (HEADER.pack(b"LS", 1, 1, 1) + b"\xc0", MalformedMessage),
    ],
)
def test_what_is_no_message_is_named_and_its_descriptors_are_closed(
    pair: Pair, data: bytes, error: type[Exception]
) -> None:
    connection, theirs = pair
    before = open_count()
    send_with(theirs, data, [0, 0])
    with pytest.raises(error):
        connection.receive()
    assert open_count() == before


def test_too_many_descriptors_are_refused_and_closed(pair: Pair) -> None:
    connection, theirs = pair
    before = open_count()
    send_with(theirs, encode(Kind.REQUEST, {}), [0] * (MAX_DESCRIPTORS + 1))
    with pytest.raises(MalformedMessage, match="[Dd]escriptors"):
        connection.receive()
    assert open_count() == before


def test_too_many_descriptors_in_parts_are_refused_and_closed(pair: Pair) -> None:
    connection, theirs = pair
    before = open_count()
    data = encode(Kind.REQUEST, {"verb": "hello"})
    send_with(theirs, data[:8], [0] * MAX_DESCRIPTORS)
    send_with(theirs, data[8:], [0])
    with pytest.raises(MalformedMessage, match="[Dd]escriptors"):
        connection.receive()
    assert open_count() == before


def test_the_last_words_of_a_peer_are_heard_after_it_hung_up(pair: Pair) -> None:
    connection, theirs = pair
    theirs.send(encode(Kind.ERROR, {"name": "sessions.full"}))
    theirs.close()
    connection.send(Kind.REQUEST, {"verb": "hello"})
    message = connection.receive()
    assert message and message.body == {"name": "sessions.full"}
    assert connection.receive() is None


def test_a_peer_that_does_not_read_is_given_up(pair: Pair) -> None:
    connection, _ = pair
    with pytest.raises(TimeoutError):
        for _ in range(20):
            connection.send(Kind.EVENT, {"text": "x" * (MAX_BODY // 2)})


def test_a_peer_that_does_not_read_leaves_no_room(pair: Pair) -> None:
    connection, theirs = pair
    assert connection.has_room
    with pytest.raises(TimeoutError):
        connection.send(Kind.EVENT, {"text": "x" * (MAX_BODY // 2)})
    assert not connection.has_room
    while not connection.has_room:
        theirs.recv(MAX_BODY)


def test_a_message_that_does_not_begin_in_time_is_a_timeout(pair: Pair) -> None:
    connection, _ = pair
    with pytest.raises(TimeoutError):
        connection.receive(0.05)


def test_a_byte_now_and_then_does_not_keep_a_message_alive(pair: Pair) -> None:
    connection, theirs = pair
    ended = threading.Event()

    def drip() -> None:
        for byte in encode(Kind.REQUEST, {"text": "x" * 1000}):
            theirs.send(bytes([byte]))
            if ended.wait(0.01):
                return

    sender = threading.Thread(target=drip)
    sender.start()
    with pytest.raises(MalformedMessage, match="in time"):
        connection.receive()
    ended.set()
    sender.join()


def test_what_came_in_time_is_read_however_late_we_are() -> None:
    ours, theirs = socket.socketpair()
    with Connection(ours, timeout=0) as connection, theirs:
        theirs.send(encode(Kind.REQUEST, {"verb": "hello"}))
        message = connection.receive()
        assert message and message.body == {"verb": "hello"}


def test_our_last_words_are_read_by_a_peer_whose_words_nobody_read(pair: Pair) -> None:
    connection, theirs = pair
    before = open_count()
    reader, writer = os.pipe()
    for _ in range(50):
        send_with(theirs, b"x" * 1000, [reader])
    connection.send(Kind.ERROR, {"name": "sessions.full"})
    connection.close()
    os.close(reader)
    with pytest.raises(BrokenPipeError):  # nobody has its other end, so none was left behind
        os.write(writer, b"x")
    os.close(writer)
    assert theirs.recv(999).endswith(b"sessions.full")
    assert theirs.recv(999) == b""
    assert open_count() == before - 1


def test_hanging_up_wakes_a_thread_that_waits_for_a_message(pair: Pair) -> None:
    connection, _ = pair
    received: list[object] = []
    thread = threading.Thread(target=lambda: received.append(connection.receive()))
    thread.start()
    connection.hang_up()
    thread.join()
    assert received == [None]


def test_a_look_at_bytes_tells_of_descriptors_and_opens_none(pair: Pair) -> None:
    connection, theirs = pair
    before = open_count()
    data = encode(Kind.REQUEST, {"verb": "submit"})
    theirs.send(data)
    with socket.socket(fileno=os.dup(connection.fileno())) as ours:
        assert peeked(ours, HEADER.size) == (HEADER.size, False)
        assert connection.receive()
        send_with(theirs, data, [0, 0])
        assert peeked(ours, 1) == (1, True)
        assert open_count() == before + 1
    with connection.receive() or pytest.fail() as message:
        assert len(message.descriptors) == 2


def test_a_thread_may_wait_for_a_message_while_others_send(pair: Pair) -> None:
    """Its patience is its own: it is not that of who sends."""
    connection, theirs = pair
    heard: list[object] = []

    def hear() -> None:
        heard.append(connection.receive())

    waiting = threading.Thread(target=hear)
    waiting.start()
    with Connection(theirs.dup()) as other:
        for _ in range(20):
            connection.send(Kind.EVENT, {})
            other.receive()
        with pytest.raises(TimeoutError):
            other.receive(0.2)  # far longer than the timeout of who sent
        other.send(Kind.REQUEST, {"verb": "health"})
        waiting.join()
    assert [message and message.body for message in heard] == [{"verb": "health"}]
