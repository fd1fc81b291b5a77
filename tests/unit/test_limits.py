"""A media file costs no more than its limits, whatever it says of itself: it is refused by name."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import bombs
import numpy as np
import pytest
from alone import peak_mib, reset_peak
from made import examined, moving, tone, write_video, write_voice

from lipsyncd.errors import (
    DecodingTooSlow,
    DiskFailed,
    InputError,
    NoFace,
    PictureTooLarge,
    TooManyStreams,
    TruncatedMedia,
    UnreadableMedia,
    VoiceTooLong,
)
from lipsyncd.media.container import open_container
from lipsyncd.media.limits import ALLOCATION, FASTEST, HELD_BYTES, SIDE, SLOWEST, held
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.timeline import timeline
from lipsyncd.media.voice import Voice, examine_voice

CHEAP_MIB, CHEAP_SECONDS = 64, 2.0  # what the refusal of a bomb may cost

REFUSED: dict[str, type[InputError]] = {
    "PNG of 30000 x 30000": PictureTooLarge,
    "PNG of 2^31 x 1": PictureTooLarge,
    "PNG of 0 x 0": UnreadableMedia,
    "PNG of 1 x 1": NoFace,
    "PNG with long texts": UnreadableMedia,
    "PNG with a vast profile": UnreadableMedia,
    "APNG with long texts": UnreadableMedia,
    "JPEG of 30000 x 30000": PictureTooLarge,
    "JPEG of many scans": UnreadableMedia,
    "BMP of 30000 x 30000": PictureTooLarge,
    "WebP of 16383 x 16383": PictureTooLarge,
    "GIF of 65535 x 65535": PictureTooLarge,
    "two frames of 16000 x 8900": PictureTooLarge,
    "MP4 with an endless index": UnreadableMedia,
    "MP4 with a packed index": UnreadableMedia,
    "150 streams": TooManyStreams,
    "WAV at 0 Hz": UnreadableMedia,
    "WAV at 1 Hz": VoiceTooLong,
    "WAV at 4 GHz": UnreadableMedia,
    "WAV of no channels": UnreadableMedia,
    "WAV of 255 channels": UnreadableMedia,
    "WAV of 65535 channels": UnreadableMedia,
    "WAV that states a day": TruncatedMedia,
    "FLAC of five hours": VoiceTooLong,
}
HOUR = 3600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bombs")


@pytest.fixture
def bomb(folder: Path) -> Callable[[str], Path]:
    """The bomb of that name, made once."""

    def made(name: str) -> Path:
        path = folder / name.replace("/", "")
        if not path.exists():
            path.write_bytes((bombs.FACES | bombs.SOUNDS)[name]())
        return path

    return made


def face(path: Path) -> Source:
    return examine_source(path, "The face")


def voice(path: Path, most_seconds: float = 4 * HOUR) -> Voice:
    looking = examine_voice(path, "The voice", most_seconds)
    while True:
        try:
            next(looking)
        except StopIteration as ended:
            return ended.value


# Headers


@pytest.mark.parametrize("name", REFUSED)
def test_a_bomb_is_refused_by_name_and_costs_little(
    bomb: Callable[[str], Path], name: str
) -> None:
    path, examine = bomb(name), face if name in bombs.FACES else voice
    before, begun = resident_mib(), time.process_time()
    reset_peak()
    with pytest.raises(InputError) as caught:
        examine(path)
    seconds, peak = time.process_time() - begun, peak_mib("self") - before
    print(f"\n  {caught.value} ({path.stat().st_size} bytes cost {seconds:.2f} s, {peak} MiB)")
    assert type(caught.value) is REFUSED[name]
    assert caught.value.hint.endswith(".")
    assert seconds < CHEAP_SECONDS
    assert peak < CHEAP_MIB
