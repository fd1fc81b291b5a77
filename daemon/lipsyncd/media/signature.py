"""Signatures: which image format a file is in, by its first bytes (not by its name)."""

from lipsyncd.media.budget import BudgetedFile

# Where bytes stand, which they are, and the format as Pillow names it
READ = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"BM", "BMP"),
    (8, b"WEBPVP8", "WEBP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"\0\0\0\x0cjP  ", "JPEG2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG2000"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIF"),
)
EITHER = b"ftypmif1"  # of HEIF and of AVIF, whose brand stands further on then
HEAD = 64  # bytes
TARGA_KINDS, TARGA_DEPTHS = (1, 2, 3, 9, 10, 11), (8, 16, 24, 32)


def image_format(file: BudgetedFile) -> str | None:
    """What Pillow calls the format of an image that it reads; None for anything else."""
    file.seek(0)
    head = file.read(HEAD)
    for place, signature, form in READ:
        if head.startswith(signature, place):
            return form
    if head.startswith(EITHER, 4):
        return "AVIF" if b"avif" in head else "HEIF"
    return "TGA" if is_targa(head) else None


def is_targa(head: bytes) -> bool:
    """Targa has no signature: its fields have to make sense together."""
    if len(head) < 18 or head[1] > 1 or head[2] not in TARGA_KINDS:
        return False
    has_palette = head[2] in (1, 9)
    is_described = head[1] == has_palette and (has_palette or not any(head[3:8]))
    return is_described and any(head[12:14]) and any(head[14:16]) and head[16] in TARGA_DEPTHS
