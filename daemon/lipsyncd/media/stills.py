"""Stills: the size that the first bytes of an image file state."""

from lipsyncd.media.budget import BudgetedFile

PNG, JPEG, BMP, RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"RIFF"
TIFF = b"II*\0", b"MM\0*"
SIZED = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's markers of frames
ALONE = {0x01, *range(0xD0, 0xD9)}  # JPEG's markers without a length

Size = tuple[int, int]


def is_still(file: BudgetedFile) -> bool:
    """Whether it begins like an image."""
    head = read(file, 0, 32)
    return head.startswith((PNG, JPEG, BMP, *TIFF)) or is_webp(head)


def is_webp(head: bytes) -> bool:
    return head.startswith(RIFF) and head[8:12] == b"WEBP"


def stated_size(file: BudgetedFile) -> Size | None:
    """Width and height, if it is an image of a kind that is known here."""
    head = read(file, 0, 32)
    if head.startswith(PNG):
        return big(head[16:20]), big(head[20:24])
    if head.startswith(JPEG):
        return jpeg_size(file)
    if head.startswith(BMP):
        return little(head[18:22]), abs(int.from_bytes(head[22:26], "little", signed=True))
    if is_webp(head):
        return webp_size(head)
    return None


def jpeg_size(file: BudgetedFile) -> Size | None:
    """From the first frame's header, behind any number of other segments."""
    place = 2
    while (head := read(file, place, 9)) and head[0] == 0xFF:
        marker = head[1] if len(head) == 9 else 0
        if marker in SIZED:
            return big(head[7:9]), big(head[5:7])
        if marker == 0xFF:
            place += 1
        else:
            place += 2 if marker in ALONE else 2 + max(2, big(head[2:4]))
    return None


def webp_size(head: bytes) -> Size | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + little(head[24:27]), 1 + little(head[27:30])
    if kind == b"VP8L":
        bits = little(head[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return little(head[26:28]) & 0x3FFF, little(head[28:30]) & 0x3FFF
    return None


def big(number: bytes) -> int:
    return int.from_bytes(number)


def little(number: bytes) -> int:
    return int.from_bytes(number, "little")


def read(file: BudgetedFile, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
