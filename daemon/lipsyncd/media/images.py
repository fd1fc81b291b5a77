"""An image file that is open: a still or an animation, read by Pillow within bounds.

To a source it is what a container is (container.py): it has one stream, of pictures in sRGB.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice

import av
import pillow_heif
from av.stream import Disposition
from PIL import (  # the plugins by name: those that are not there are not tried
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lipsyncd.errors import (
    FileTooLarge,
    LipsyncError,
    NoAudioStream,
    PictureTooLarge,
    TruncatedMedia,
    UnreadableMedia,
)
from lipsyncd.media.advice import CONVERT_FACE
from lipsyncd.media.bombs import refuse_bomb
from lipsyncd.media.budget import PIECE_BYTES, BudgetedFile
from lipsyncd.media.colour import HDR
from lipsyncd.media.limits import (
    FRAME_SECONDS,
    PACKED_BYTES,
    SIDE,
    STILL_BYTES,
    STILL_PIXELS,
    refuse_large,
)
from lipsyncd.media.loaded import picture_of
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.profile import code_points

MOVING = ("GIF", "PNG", "WEBP", "AVIF")  # others hold several pictures for other reasons
BOMBS = {"PNG": "png", "JPEG": "mjpeg"}  # whose packets libav calls so
RATED = 6  # pictures whose mean is taken for the rate
TICK = Fraction(1, 1000)  # seconds
SHORTEST, USUAL = 10, 100  # ticks: what is not longer than that, browsers show so long
NEW_SUBFILE_TYPE = 254  # a tag of TIFF, whose lowest bit says that there is a larger picture
VIEWER = "Check that an image viewer opens it, or save it as PNG."

Image.preinit()  # else it imports more plugins with the first image
pillow_heif.register_heif_opener()
PLUGINS = (  # imported for what they register
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = PACKED_BYTES
Image.MAX_IMAGE_PIXELS = STILL_PIXELS
warnings.filterwarnings("ignore", module="PIL")  # a file could fill the log with them
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Pictures:
    """The stream of an image file, with what a source asks of one of libav's."""

    average_rate: Fraction | None
    time_base: Fraction = TICK
    sample_aspect_ratio: Fraction | None = None
    disposition: Disposition = Disposition.default
    index_entries: tuple[()] = ()
    frames: int = 0

    @property
    def guessed_rate(self) -> Fraction | None:
        """The rate that was meant: times are whole ticks."""
        return self.average_rate and Fraction(round(self.average_rate))


class Images:
    """An image file that is open; `name` is what messages call it."""

    format = "image"
    is_live = False

    def __init__(self, file: BudgetedFile, form: str) -> None:
        """`form` is what Pillow calls its format.

        Raises UnreadableMedia, TruncatedMedia, PictureTooLarge, FileTooLarge, DecodingTooSlow,
        DiskFailed.
        """
        self.name = file.budget.name
        self._budget = file.budget
        self.form = form
        self._content = content_of(file, self.name)
        self._coded = code_points(self._content, form)
        if form in BOMBS:
            refuse_bomb(self._content, BOMBS[form], self.name)
        with self._named():
            image = self._opened()
            refuse_large(image.size, STILL_PIXELS, self.name)
            if form == "TIFF":
                refuse_reduced(image, self.name)
            self._moves = form in MOVING and getattr(image, "is_animated", False)

    @property
    def is_still(self) -> bool:
        """Whether there is one picture."""
        return not self._moves

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided for its owner: HDR of images is never kept."""
        name = HDR.get(self._coded[1]) if self._coded else None
        return (f"{self.name} is HDR ({name}): it is tone-mapped to sRGB.",) if name else ()

    def tracks(self, kind: str) -> list[Pictures]:
        """Its stream, if it is for the "video" that it is asked.  Raises what opening does."""
        return [self.video()] if kind == "video" else []

    def video(self, _track: int = 0) -> Pictures:
        """Its stream.  Raises what opening does."""
        ticks = [lasts for _, lasts in islice(self._loaded(), RATED)] if self._moves else []
        return Pictures(Fraction(1000 * len(ticks), sum(ticks)) if ticks else None)

    def sound(self, _track: int = 0) -> None:
        """There is none.  Raises NoAudioStream."""
        raise NoAudioStream(f"{self.name} has no sound in it.", "Give a recording as the voice.")

    def seek(self, _time: int, _stream: Pictures) -> None:
        """Images are read from the beginning.  Raises ValueError."""
        raise ValueError("there is no place to begin at")

    def frames(self, _stream: Pictures, _clock: object = None) -> Iterator[av.VideoFrame]:
        """The pictures, RGB or RGBA, each with its time; of a still the one.

        Raises what opening does.
        """
        self._budget.renew()
        due = 0
        for image, lasts in self._loaded():
            with self._named():
                picture = picture_of(image, self._coded)
            picture.pts, picture.time_base = due, TICK
            picture.duration = lasts if self._moves else 0
            due += lasts
            self._budget.earn(FRAME_SECONDS)
            yield picture
            self._budget.go_on()

    def _loaded(self) -> Iterator[tuple[Image.Image, int]]:
        """The image at each of its pictures, and for how many ticks that is shown."""
        with self._named():
            image = self._opened()
        first = 1 if self._moves and getattr(image, "default_image", False) else 0
        for number in count(first) if self._moves else (None,):
            self._budget.check()
            with self._named():
                if number is not None and not has(image, number):
                    return
                image.load()
                ticks = round(image.info.get("duration") or 0)
            yield image, ticks if ticks > SHORTEST else USUAL

    def _opened(self) -> Image.Image:
        """Anew: not every plugin goes back to the first picture without a mistake."""
        return Image.open(io.BytesIO(self._content), formats=(self.form,))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Pillow says in many ways that it cannot."""
        try:
            yield
        except LipsyncError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise PictureTooLarge(
                f"{self.name} has a picture of more than {SIDE} x {SIDE} pixels.",
                "Make it smaller.",
            ) from error
        except Exception as error:
            refuse_lack(error)
            if "truncat" in str(error):
                raise TruncatedMedia(
                    f"{self.name} breaks off in the middle.", "Send the whole file."
                ) from error
            raise UnreadableMedia(
                f"{self.name} is an image that cannot be read.", VIEWER
            ) from error


def content_of(file: BudgetedFile, name: str) -> bytes:
    """The whole file.  Raises FileTooLarge, DecodingTooSlow, DiskFailed."""
    size = file.seek(0, io.SEEK_END)
    if size > STILL_BYTES:
        raise FileTooLarge(
            f"{name} is an image of {size >> 20} MiB; {STILL_BYTES >> 20} is the limit.",
            "Save it as JPEG.",
        )
    file.seek(0)
    content = io.BytesIO()
    while piece := file.read(PIECE_BYTES):
        content.write(piece)
    return content.getvalue()


def has(animation: Image.Image, number: int) -> bool:
    """Whether there is such a picture; if so it is the one that is loaded next."""
    try:
        animation.seek(number)
    except EOFError:
        return False
    return True


def refuse_reduced(tiff: Image.Image, name: str) -> None:
    """Raise UnreadableMedia where the first picture is a small one of another: in raw files."""
    assert isinstance(tiff, TiffImagePlugin.TiffImageFile)
    if tiff.tag_v2.get(NEW_SUBFILE_TYPE, 0) & 1:
        raise UnreadableMedia(f"{name} cannot be read: it is a camera's raw file.", CONVERT_FACE)
