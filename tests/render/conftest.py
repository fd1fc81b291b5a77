"""A daemon as it is in production, in a process of its own with the real models, and media for it.

There is one for all tests, on the CPU. Its socket, state, configuration and log are in a directory;
tests that need another daemon `start` one in theirs.
"""

import itertools
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import av
import cv2
import numpy as np
import pytest
from support.client.command import lipsyncctl
from support.daemon.process import DaemonProcess, ready, started
from support.daemon.served import packets
from support.media.clips import clip
from support.paths import VOICES

MOST_BYTES = 4 << 20  # of a face or a voice

Start = Callable[..., AbstractContextManager[DaemonProcess]]
Ctl = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="session")
def start() -> Start:
    """Starts another daemon in a directory, with these lines of TOML."""
    return started


@pytest.fixture(scope="session")
def start_ready() -> Start:
    """Starts another daemon and waits until it is ready."""
    return ready


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of the daemon that all tests share. It outlives them all, in one process."""
    directory = tmp_path_factory.mktemp("daemon")
    limits = f"[limits]\nmax_face_bytes = {MOST_BYTES}\nmax_voice_bytes = {MOST_BYTES}\n"
    with ready(directory, limits) as process:
        yield directory
        assert process.is_alive, process.log
        assert process.end() == 0


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the media are that are made for all tests."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="session")
def ctl(daemon: Path) -> Ctl:
    """`lipsyncctl` with these words, run to its end."""
    return partial(lipsyncctl, daemon)


@pytest.fixture(scope="session")
def render(ctl: Ctl, made: Path) -> Callable[..., Path]:
    """The result of a face, a voice and options."""
    numbers = itertools.count(1)

    def result_of(face: Path, voice: Path, *options: str) -> Path:
        result = made / f"result{next(numbers)}.mp4"
        ended = ctl("run", "-a", str(voice), str(face), "-o", str(result), *options)
        assert ended.returncode == 0, ended.stderr
        return result

    return result_of


@pytest.fixture(scope="session")
def wanted(render: Callable[..., Path], harbour: Path) -> str:
    """What a job of support/daemon/served.py is where nothing disturbs it."""
    return packets(render(clip("single_face.mp4"), harbour))


@pytest.fixture(scope="session")
def harbour() -> Path:
    """A sentence of 3.75 s."""
    return VOICES / "harbour.flac"


@pytest.fixture(scope="session")
def paper() -> Path:
    """Another sentence, of 3.51 s."""
    return VOICES / "paper.wav"


@pytest.fixture(scope="session")
def speak(made: Path, harbour: Path) -> Callable[[float], Path]:
    """A voice of so many seconds: the sentence's beginning, or it said over and over."""
    return lambda seconds: spoken(made / f"voice-{seconds}.wav", harbour, seconds)


@pytest.fixture(scope="session")
def word(speak: Callable[[float], Path]) -> Path:
    """A short voice, for tests in which it does not matter what is said."""
    return speak(0.6)


@pytest.fixture(scope="session")
def neutral(made: Path) -> Path:
    """A still of a face whose mouth is closed."""
    with av.open(str(clip("single_face.mp4"))) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="bgr24")
    cv2.imwrite(str(made / "neutral.png"), picture)
    return made / "neutral.png"


@pytest.fixture(scope="session")
def film(made: Path) -> Callable[..., Path]:
    """Makes a clip of a face, without loss, in which every frame bears its number."""
    return lambda name, *how, **more: filmed(made / name, *how, **more)


def filmed(
    path: Path, count: int, rate: Fraction, rotation: int = 0, tags: tuple[int, ...] = (6, 6, 6, 1)
) -> Path:
    """`count` frames to be shown after a counterclockwise turn of `rotation` degrees.

    The square of 32 pixels at the top left, once it is upright, has the luma 16 + 8 * number.
    `tags`: matrix, primaries, transfer and swing, as H.273 and libav number them.
    """
    with av.open(str(clip("single_face.mp4"))) as container:
        upright = next(container.decode(video=0)).to_ndarray(format="yuv444p")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "0"})
        turned = [np.rot90(plane, -rotation // 90) for plane in upright]
        stream.height, stream.width = turned[0].shape
        stream.pix_fmt = "yuv420p"
        stream.set_display_rotation(rotation)
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = tags
        for number in range(count):
            upright[0, :32, :32] = 16 + 8 * number
            turned = np.stack([np.rot90(plane, -rotation // 90) for plane in upright])
            picture = av.VideoFrame.from_ndarray(turned, "yuv444p").reformat(format="yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def spoken(path: Path, voice: Path, seconds: float) -> Path:
    """A WAV of `seconds` from the beginning of a mono voice, repeated if it is shorter."""
    with av.open(str(voice)) as container:
        rate = container.streams.audio[0].rate
        blocks = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.resize(np.concatenate(blocks), round(seconds * rate)).tobytes())
    return path
