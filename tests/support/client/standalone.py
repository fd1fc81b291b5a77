"""A client by daemon/PROTOCOL.md alone; on stdin: the socket, the face, the voice, the result."""

import socket
import struct

import msgpack

HEADER, REQUEST, EVENT, ERROR = struct.Struct(">2sBBI"), 1, 3, 4


def ask(number: int, verb: str, files: list[int], **fields: object) -> tuple[dict, list[int]]:
    body = msgpack.packb({"verb": verb, "id": number, **fields})
    socket.send_fds(sock, [HEADER.pack(b"LS", 1, REQUEST, len(body)), body], files)
    kind, received = EVENT, []
    while kind == EVENT:
        _, _, kind, length = HEADER.unpack(read(HEADER.size, received))
        answer = msgpack.unpackb(read(length, received), unicode_errors="surrogateescape")
    if kind == ERROR:
        raise SystemExit(f"{answer['name']}: {answer['message']} {answer['hint']}")
    return answer, received


def read(size: int, received: list[int]) -> bytes:
    data = b""
    while len(data) < size:
        part, descriptors, _, _ = socket.recv_fds(sock, size - len(data), 4)
        assert part, "the daemon hung up"
        data, received[len(received) :] = data + part, descriptors
    return data


path, face, voice, result = (input() for _ in range(4))
with socket.socket(socket.AF_UNIX) as sock, open(face) as one, open(voice) as two:
    sock.connect(path)
    ask(1, "hello", [], versions=[1, 1], client="foreign")
    reply, _ = ask(2, "submit", [one.fileno(), two.fileno()], face="face", voice="voice")
    ended, _ = ask(3, "wait", [], job=reply["job"]["id"], progress=True)
    _, (descriptor,) = ask(4, "fetch", [], job=ended["job"]["id"])
    with open(descriptor, "rb") as source, open(result, "wb") as copy:
        copy.write(source.read())
