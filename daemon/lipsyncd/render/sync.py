"""Sync: whether lips and a sound belong together, by the sync expert."""

import math
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from itertools import islice

import numpy as np

from lipsyncd.errors import InputError
from lipsyncd.face.neutral import as_bgr
from lipsyncd.face.track import Track
from lipsyncd.face.warp import crop_of, place_of
from lipsyncd.media.container import open_container
from lipsyncd.media.mel import TRAINED_RATE, WINDOW, mel_columns, window_at, window_start
from lipsyncd.media.source import Source
from lipsyncd.media.speech import CHUNK_RATE, speech, speech_at
from lipsyncd.media.tracks import order_of
from lipsyncd.media.voice import Voice
from lipsyncd.model.expert import FRAMES, Expert
from lipsyncd.protocol.probe import Sync
from lipsyncd.render.models import Models
from lipsyncd.render.plan import Plan

TRAINED = Fraction(TRAINED_RATE)
FARTHEST = 12  # frames at 25 a second
OFFSETS = np.arange(-FARTHEST, FARTHEST + 1)  # by which the sound is taken later
LOOKED = 54  # frames at 25 a second, from which 50 times five are taken
SPOKEN, LEAST = 0.5, 20  # of speech, from which on a frame is spoken; fives that have to be
SURE = 0.1  # by which the best cosine is above the usual one where lips and sound are of one moment
# ITU-R BT.1359-1: sound that is earlier or later than that is noticed
EARLY, LATE = -45, 125  # milliseconds


def own_sync(source: Source, plan: Plan, models: Models) -> Sync | None:
    """How a video's own sound goes with its lips; None if there is none, or nobody can tell."""
    with suppress(InputError):
        found = own_sound(source)
        track = max(plan.tracks, key=lambda each: len(each.rows), default=None)
        if found and track:
            return judged(source, track, *found, models.new_expert())
    return None


def own_sound(source: Source) -> tuple[Voice, int] | None:
    """The usual sound of a face's file, and by how many milliseconds it begins after the pictures.

    Raises InputError.
    """
    with open_container(source.path, source.name) as media:
        streams = media.tracks("sound")
        if not streams:
            return None
        track = order_of(streams)[0]
        sound, video = media.sound(track), media.video(source.track)
        assert sound.time_base and video.time_base  # without one it is no source
        begins = (sound.start_time or 0) * sound.time_base - source.start * video.time_base
    voice = Voice(source.path, "The sound of the face", Fraction(0), 0, track=track)
    return voice, round(1000 * begins)


def judged(source: Source, track: Track, voice: Voice, late: int, expert: Expert) -> Sync | None:
    """By two seconds of a track in which most is said."""
    numbers = numbers_of(track, source.rate)
    shares = list(islice(speech(voice), 2 + math.ceil(numbers.stop / TRAINED_RATE * CHUNK_RATE)))
    starts = (window_start(TRAINED, number, 0, late) for number in numbers)
    spoken = np.array([speech_at(start, lambda a, b: shares[a:b]) for start in starts]) >= SPOKEN
    spoken &= np.array([shown(track, number, source.rate) for number in numbers])
    begin = busiest(spoken)
    said = spoken[begin : begin + LOOKED]
    fives = np.array(
        [said[start : start + FRAMES].all() for start in range(len(said) - FRAMES + 1)]
    )
    if fives.sum() < LEAST:
        return None
    begin += numbers[0]
    crops = crops_of(source, track, range(begin, begin + len(said)))
    heard = windows_around(mel_columns(voice), begin, len(fives), late)
    means = cosines(expert, crops, heard)[fives].mean(axis=0)
    return verdict(means)


def verdict(means: np.ndarray) -> Sync | None:
    """Of the mean cosine at each of OFFSETS."""
    best = int(means.argmax())
    if means[best] - np.median(means) < SURE:
        return None
    milliseconds = int(OFFSETS[best]) * 1000 // TRAINED_RATE
    return Sync(milliseconds, round(float(means[best]), 3), EARLY <= milliseconds <= LATE)


def numbers_of(track: Track, rate: Fraction) -> range:
    """The frames of a track, of 25 a second."""
    first, stop = (math.ceil(at * TRAINED_RATE / rate) for at in (track.start, track.stop))
    return range(first, stop)


def shown(track: Track, number: int, rate: Fraction) -> bool:
    """Whether the mouth is to be seen at a frame of 25 a second."""
    return bool(track.strength[index_of(number, rate) - track.start] > 0)


def busiest(wanted: np.ndarray) -> int:
    """Where the LOOKED frames begin of which most are wanted."""
    if len(wanted) <= LOOKED:
        return 0
    return int(np.convolve(wanted, np.ones(LOOKED), mode="valid").argmax())


def index_of(number: int, rate: Fraction) -> int:
    """The frame of a source that is there at a frame of 25 a second."""
    return int(number * rate / TRAINED_RATE)


def crops_of(source: Source, track: Track, numbers: range) -> np.ndarray:
    """The face at these frames of 25 a second, framed as the generator's: (n, 96, 96, 3) BGR."""
    wanted = [index_of(number, source.rate) for number in numbers]
    crops: dict[int, np.ndarray] = {}
    for frame in islice(source.frames(wanted[0]), wanted[-1] - wanted[0] + 1):
        place = place_of(track.face(frame.index).box)
        crops[frame.index] = as_bgr(crop_of(frame, place), source.colour)
    return np.stack([crops[index] for index in wanted])


def cosines(expert: Expert, crops: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(n - 4, 25): of each five consecutive crops, and of the sound at each of `OFFSETS`.

    `crops`: (n, 96, 96, 3) uint8 BGR at 25 frames a second, framed as the generator's; `windows`:
    those around them.
    """
    faces, sounds = expert.of_faces(crops), expert.of_sounds(windows)
    offset = np.arange(len(faces))[:, None] + (OFFSETS + FARTHEST)
    return np.einsum("kc,koc->ko", faces, sounds[offset])


def windows_around(
    columns: Iterable[np.ndarray], first: int, count: int, late: int = 0
) -> np.ndarray:
    """The window that begins with each of `count` frames, and with `FARTHEST` on either side:
    (n, 80, 16), of columns of the mel that come so many milliseconds late."""
    numbers = range(first - FARTHEST, first + count + FARTHEST)
    starts = [window_start(TRAINED, number, 0, late) for number in numbers]
    mel = up_to(columns, starts[-1] + WINDOW)
    return np.stack([window_at(start, lambda a, b: mel[a:b]) for start in starts])


def up_to(columns: Iterable[np.ndarray], stop: int) -> np.ndarray:
    """The columns before one, and perhaps some more: (n, 80)."""
    pieces, count = [], 0
    for piece in columns:
        pieces.append(piece.T)
        count += len(pieces[-1])
        if count >= stop:
            break
    return np.concatenate(pieces)
