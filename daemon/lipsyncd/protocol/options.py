"""What a client may choose for its job: how it is rendered."""

from dataclasses import asdict, dataclass
from typing import Self

from lipsyncd.protocol.bounds import MAX_SECONDS
from lipsyncd.protocol.choices import check, field_of, known, name_of, refused
from lipsyncd.protocol.outputs import BEST, CODECS, DEEP, FORMATS, PRESETS, WORST
from lipsyncd.protocol.values import Values, between, is_whole, one_of, text, whole, yes_or_no

MAX_VOICES = 3  # of a job


def is_box(box: object) -> bool:
    """Whether these are four whole numbers that enclose at least one pixel."""
    if not isinstance(box, tuple) or len(box) != 4:
        return False
    if not all(is_whole(edge, 0, 1 << 20) for edge in box):
        return False
    left, top, right, bottom = box
    return bool(left < right and top < bottom)


def is_time(seconds: object) -> bool:
    """Whether it is a moment in a video: not below 0, and not nan."""
    return type(seconds) in (int, float) and 0 <= seconds <= MAX_SECONDS  # type: ignore[operator]


PICTURED = "pictured"
BLENDS = "Choose the blend transfer or soft."
PLACE = r"largest|left|right|[1-9]\d?|\d{1,5},\d{1,5}(@\d{1,6}(\.\d{1,3})?)?"
ONE = rf"({PICTURED}|{PLACE})"
WHO = text(
    rf"all|{ONE}( {ONE}){{0,{MAX_VOICES - 1}}}",
    "is largest, left, right, all, N (from the left), X,Y@SECONDS or pictured; one for each voice",
)
TRACKS = text(
    rf"[1-9]\d?( [1-9]\d?){{0,{MAX_VOICES - 1}}}",
    "is 1 to 99; for several voices once, or once for each",
)
TIME = Values(is_time, "is a time in seconds")
BOX = Values(is_box, "is left, top, right, bottom, with right beyond left and bottom beyond top")
SHARE = text(r"\d{1,4}-\d{1,4}/[1-9]\d{0,3}", "is START-STOP/OF, as 0-1/4 for the first quarter")
BACKGROUND = text(
    "white|black|grey|green|#[0-9a-fA-F]{6}", "is white, black, grey, green or #RRGGBB"
)


@dataclass(frozen=True)
class Options:
    """How a client wants its job rendered; what is None is left to the daemon.

    `box`: (left, top, right, bottom) in pixels, half-open.
    """

    blend: str = one_of("transfer", "soft", "box").default(
        "transfer",
        "how the new mouth comes into the frame: as the face's own pixels, moved; as the model's "
        "pixels with soft edges; or as its whole box",
    )
    extend: str = one_of("pingpong", "loop", "freeze", "cut", "silence").default(
        "pingpong",
        "how a video that is shorter than the voice goes on: back and forth, anew, or with its "
        "last picture; cut ends with the shorter of both, silence with the longer",
    )
    fps: float | None = between(1, 120).default(
        None,
        "frames a second of the result, 1 to 120; if not given those of the face, or where they "
        "are few so many times them that there are 25",
    )
    video_track: int | None = whole(1, 99, kind="").default(
        None, "which video of the face's file is shown; if not given the first that can be read"
    )
    voice_track: str | None = TRACKS.default(
        None,
        "which sound of the voice's file is heard; if not given the first that can be read and is "
        "not silent; with several voices it is given once, or for each",
    )
    who: str = WHO.default(
        "largest",
        "whose lips move: the largest face, the left or the right one, the N-th from the left, the "
        "one at X,Y (pixels) at a time, X,Y@SECONDS, in its shot, the one on a picture, or "
        "all; with several voices it is given for each",
    )
    from_: float | None = TIME.default(None, "lips are left as they are before this time")
    to: float | None = TIME.default(None, "lips are left as they are from this time on")
    box: tuple[int, int, int, int] | None = BOX.default(
        None, "where the face is, in pixels, instead of looking for it: LEFT,TOP,RIGHT,BOTTOM"
    )
    still: str = one_of("hold", "move").default(
        "hold", "whether the picture of a still is held, or moves a little, as if it breathed"
    )
    background: str = BACKGROUND.default(
        "white",
        "what is seen where the face is transparent: white, black, grey, green (as a green screen) "
        "or #RRGGBB",
    )
    silence: str = one_of("close", "follow").default(
        "close", "what lips do while nobody speaks: close, or follow whatever is to be heard"
    )
    expression: float = between(0, 1.5).default(
        1.0, "how far lips move, from 0 (not at all) to 1.5 (half as far again)"
    )
    audio_offset: int = whole(-1000, 1000).default(
        0, "milliseconds by which lips come later than the sound, negative ones earlier"
    )
    min_coverage: float = between(0, 1).default(
        0.0, "the share of frames, from 0 to 1, in which the mouth is to be seen at least"
    )
    max_gap: float | None = TIME.default(None, "how long the mouth may be out of sight at a time")
    format: str = one_of(*FORMATS).default(
        "mp4", "the format of the result; `run` goes by the ending of -o where this is not said"
    )
    codec: str | None = one_of(*CODECS).default(
        None,
        "how the pictures of the result are coded: without this as h264, in webm as vp9; lossless "
        "is FFV1",
    )
    hdr: str = one_of("map", "keep").default(
        "map",
        "whether HDR (PQ, HLG) is tone-mapped to BT.709, or kept, in 10 bits and with its tags, "
        "which takes h265, av1, prores or lossless",
    )
    crf: int | None = whole(BEST, WORST, kind="").default(
        None, "quality of the result, from 0 (best, largest) to 51 (lossless has one only)"
    )
    preset: str | None = one_of(*PRESETS).default(
        None, "how long the encoder may take for a smaller result (not with prores and lossless)"
    )
    keep: bool = yes_or_no().default(
        False, "whether the face's own sound, subtitles, chapters and metadata stay in the result"
    )
    tag: bool = yes_or_no().default(
        True, "whether the result's metadata say, as its comment, that the lips are synthesised"
    )
    share: str | None = SHARE.default(
        None,
        "only this share of the result is made, START-STOP/OF as 0-1/4, and what comes out is no "
        "video but work, which a job that is handed in with it goes on from; 0-0/1 is the look at "
        "the face alone",
    )

    def __post_init__(self) -> None:
        check(self)
        _check_codec(self)
        _check_hdr(self)

    @property
    def coded(self) -> str:
        """The codec of the pictures: the one that is wanted, else the format's usual one."""
        return self.codec or FORMATS[self.format].codecs[0]

    @property
    def bits(self) -> int:
        """How many a sample of the result can have: boxes are pasted in 8 bits."""
        return 10 if self.coded in DEEP and self.blend != "box" else 8

    @property
    def places(self) -> list[str]:
        """What `who` says of each voice."""
        return self.who.split()

    @property
    def tracks(self) -> list[int]:
        """What `voice_track` says, of all voices or of each."""
        return [int(number) for number in (self.voice_track or "").split()]

    @property
    def pictures(self) -> int:
        """How many of them are people whose pictures come with the job."""
        return self.places.count(PICTURED)

    @classmethod
    def from_map(cls, options: object) -> Self:
        """The options in a request; whatever is not one of them is an InvalidRequest."""
        chosen = known(cls, options, "options")
        box = chosen.get("box")
        given = {**chosen, "box": tuple(box) if isinstance(box, list) else box}
        return cls(**{field_of(name): value for name, value in given.items()})

    def as_map(self) -> dict[str, object]:
        """The options as they travel and as they are stored."""
        box = None if self.box is None else list(self.box)
        return {name_of(name): value for name, value in asdict(self).items()} | {"box": box}


def _check_codec(options: Options) -> None:
    """Raise InvalidRequest, unless the format takes the codec."""
    codecs = FORMATS[options.format].codecs
    if options.codec and options.codec not in codecs:
        *others, last = codecs
        taken = f"{', '.join(others)} and {last}"
        raise refused(f"{options.format} takes {taken}, not {options.codec}")


def _check_hdr(options: Options) -> None:
    """Raise InvalidRequest, unless the codec and the blend can keep HDR, if that is to be kept."""
    if options.hdr == "map" or options.bits > 8:
        return
    if options.coded in DEEP:
        raise refused(f"the {options.blend} blend has 8 bits, and hdr keep takes 10", BLENDS)
    fitting = [codec for codec in FORMATS[options.format].codecs if codec in DEEP]
    advice = f"Choose the codec {' or '.join(fitting)}."
    raise refused(f"{options.coded} has 8 bits here, and hdr keep takes 10", advice)
