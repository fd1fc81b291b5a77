"""What a result may be: the formats of its file, the codecs of pictures that each takes, and how
hard an encoder may try."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """`title` is what people call it; of its `codecs` the first is the usual one; a file's name
    with one of the `endings` promises it."""

    title: str
    codecs: tuple[str, ...]
    endings: tuple[str, ...]


FORMATS = {
    "mp4": Format("MP4", ("h264", "h265", "av1", "vp9"), (".mp4", ".m4v")),
    "mov": Format("MOV", ("h264", "h265", "prores"), (".mov", ".qt")),
    "mkv": Format("MKV", ("h264", "h265", "av1", "vp9", "prores", "lossless"), (".mkv",)),
    "webm": Format("WebM", ("vp9", "av1"), (".webm",)),
}
CODECS = tuple(dict.fromkeys(codec for each in FORMATS.values() for codec in each.codecs))
DEEP = ("h265", "av1", "prores", "lossless")  # codecs of which more than 8 bits can come
FASTER = ("ultrafast", "superfast", "veryfast", "faster", "fast")
PRESETS = (*FASTER, "medium", "slow", "slower", "veryslow")  # as x264 names them
BEST, WORST = 0, 51  # crf, as x264 counts it


def promised(ending: str) -> str | None:
    """The format that the ending of a file's name promises, as `.mp4`; None if it promises none."""
    fitting = (name for name, each in FORMATS.items() if ending.lower() in each.endings)
    return next(fitting, None)
