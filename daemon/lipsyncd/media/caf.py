"""A CAF: what its chunks state, read without libav, which makes room for all packets, and takes a
file that breaks off for a whole shorter one."""

from collections.abc import Iterator

from lipsyncd.media.budget import BudgetedFile

FIRST = 8  # where the first chunk is
HEAD = 12  # bytes of a chunk's kind and size


def stated_packets(file: BudgetedFile, size: int) -> int:
    """In all tables together; 0 if it is no CAF."""
    tables = (place for kind, place, _ in chunks(file, size) if kind == b"pakt")
    return sum(int.from_bytes(read(file, place, 8)) for place in tables)


def stated_bytes(file: BudgetedFile, size: int) -> int:
    """Of the file, as far as its chunks tell; 0 if it is no CAF."""
    return max((place + length for _, place, length in chunks(file, size)), default=0)


def chunks(file: BudgetedFile, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each, where its content begins, and how long that is; sound without a known
    length is the last one, and has 0."""
    place, length = FIRST, 0
    if read(file, 0, 4) != b"caff":
        return
    while length >= 0 and place + HEAD <= size:
        head = read(file, place, HEAD)
        length = int.from_bytes(head[4:], signed=True)
        yield head[:4], place + HEAD, max(0, length)
        place += HEAD + length


def read(file: BudgetedFile, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
