"""A voice: the sound that a job brings, examined once, then read as a waveform in blocks."""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Self, cast

import av
import numpy as np
import soxr

from lipsyncd.errors import SilentVoice, UnreadableMedia, VoiceTooLong, VoiceTooShort
from lipsyncd.media.advice import CONVERT_VOICE, OPEN_ELSEWHERE
from lipsyncd.media.container import Media, open_container
from lipsyncd.media.header import refuse_truncated, stated_seconds
from lipsyncd.media.joined import Clock, note_of
from lipsyncd.media.muxers import MUXERS, Muxer
from lipsyncd.media.sound import Timing, filled, levels_of, refuse_odd, resampled, samples_of
from lipsyncd.media.spooled import Readable
from lipsyncd.media.tracks import first_fit
from lipsyncd.media.trial import Trial

SAMPLE_RATE = 16000  # of a waveform: what mels are made from
SHORTEST_SECONDS = Fraction(1, 5)  # one window
SILENCE = 1e-3  # of full scale: a voice whose loudest sample is below -60 dB says nothing
LOUDEST = 1e4  # of full scale: what is 80 dB above it is no sound, but damaged floating point
MOST_RATES = 8  # that a voice may have one after the other, as joined recordings do
CANCELLED = 0.02  # energy of two channels together, by that of both, from which on it is heard


@dataclass(frozen=True)
class Voice:
    """What is known of a voice once it was decoded to its end.

    `track` is its place among the file's sounds, `start` the first sample's timestamp in that
    stream's time base.  The first `channels` say what is said; None are all.  `notes` are
    sentences on what was decided for the user.
    `is_copied`: the result's format takes its packets as they are, and none is damaged, missing or
    out of its time, nor of a second recording.
    """

    path: Readable
    name: str
    seconds: Fraction
    start: int
    is_copied: bool = False
    track: int = 0
    channels: int | None = None
    notes: tuple[str, ...] = ()

    def as_map(self) -> dict[str, object]:
        """All but the file, as msgpack can hold it."""
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**known, "path": None, "seconds": self.seconds.as_integer_ratio()}

    @classmethod
    def from_map(cls, path: Readable, voice: Mapping[str, Any]) -> Self:
        """What `as_map` said of a file.  Raises TypeError."""
        seconds, notes = Fraction(*voice["seconds"]), tuple(voice["notes"])
        return cls(**{**voice, "path": path, "seconds": seconds, "notes": notes})


class Hearing:
    """What is found out while a voice is decoded."""

    def __init__(self, name: str, most_seconds: float) -> None:
        self._name = name
        self._most_seconds = most_seconds
        self._last_dts: float = -math.inf
        self._rates: set[int] = set()
        self.start: int | None = None
        self.seconds = Fraction(0)
        self.end = Fraction(0)  # by its timestamps: later than `seconds` if there are gaps
        self.peak = 0.0
        self.intact = True
        self._timing = Timing()
        self._silence = Fraction(0)
        self._together = self._apart = 0.0

    def packet(self, packet: av.Packet, frames: Sequence[av.AudioFrame] | None) -> None:
        """One more packet, and what was decoded from it."""
        if not packet.size:
            return
        due = None if packet.pts is None else packet.dts
        heard = frames or (frames is not None and self.start is None)  # the first may be a run-up
        if not heard or due is None or due <= self._last_dts:
            self.intact = False
        else:
            self._last_dts = due

    def frame(self, frame: av.AudioFrame) -> None:
        """One more frame.  Raises UnreadableMedia, VoiceTooLong."""
        refuse_odd(frame.sample_rate, frame.layout.nb_channels, self._name)
        self._rates.add(frame.sample_rate)
        if len(self._rates) > MOST_RATES:
            raise UnreadableMedia(
                f"{self._name} changes its sample rate all the time.", CONVERT_VOICE
            )
        if self.start is None:
            self.start = frame.pts or 0
        lasts = Fraction(frame.samples, frame.sample_rate)
        if frame.pts is not None:
            due = (frame.pts - self.start) * (frame.time_base or 0)
            self.end = max(self.end, due + lasts)
        hole = self._timing.hole(frame)
        self._silence += hole
        self.seconds += hole + lasts
        self.intact &= self._timing.is_even
        levels = levels_of(frame)
        loudest = np.abs(levels).max(initial=0)
        self.peak = float(np.maximum(self.peak, loudest))  # which, unlike max, keeps a NaN
        self._compare(levels)
        refuse_long(self.seconds, self._most_seconds, self._name)

    @property
    def cancels_out(self) -> bool:
        """Whether the mean of the channels says much less than each: one is the other, inverted."""
        return self._together < CANCELLED * self._apart

    @property
    def notes(self) -> tuple[str, ...]:
        """What its owner may not expect."""
        notes = []
        if self._silence:
            notes.append(
                f"{self._name} has holes of {float(self._silence):.1f} s in all; they are silent."
            )
        if self.cancels_out:
            notes.append(
                f"{self._name} has two channels that cancel each other out; lips follow the first."
            )
        return tuple(notes)

    def _compare(self, levels: np.ndarray) -> None:
        if len(levels) == 2:
            one, other = levels
            self._together += float(np.square(one + other).sum())
            self._apart += float(np.square(one).sum() + np.square(other).sum())


def examine_voice(
    path: Readable,
    name: str,
    most_seconds: float = math.inf,
    track: int | None = None,
    muxer: Muxer = MUXERS["mp4"],
) -> Voice:
    """Decode the whole voice once; a long one takes a while.  The muxer is that of the result.

    `track`, its place among the file's sounds, is what its owner chose.  Raises InputError, the
    names of whose kinds say what can be wrong with a voice; InvalidRequest for no such track.
    """

    def look(media: Media, track: int) -> Voice:
        return examine_track(path, media, most_seconds, track, muxer)

    voice, notes = first_fit(path, name, "sound", track, look)
    return replace(voice, notes=(*notes, *voice.notes))


def examine_track(
    path: Readable, media: Media, most_seconds: float, track: int, muxer: Muxer
) -> Voice:
    """The voice in one of the tracks of a file that was just opened."""
    name, stream, clock = media.name, media.sound(track), Clock(media.is_live)
    hearing, trial = Hearing(name, most_seconds), Trial(stream, muxer)
    refuse_long(stated_seconds(media, stream), most_seconds, name)
    for packet in media.packets(stream, clock=clock):
        frames = cast(Sequence[av.AudioFrame] | None, media.decoded(packet))
        hearing.packet(packet, frames)
        for frame in media.came(frames or ()):
            hearing.frame(frame)
        if hearing.intact:
            trial.packet(packet)
    refuse_truncated(media, stream, float(max(hearing.seconds, hearing.end)))
    refuse_unusable(name, hearing.seconds, hearing.peak)
    return Voice(
        path,
        name,
        hearing.seconds,
        hearing.start or 0,
        is_copied=trial.end() and hearing.intact and not clock.restarts,
        track=track,
        channels=1 if hearing.cancels_out else None,
        notes=(*note_of(name, 1 + clock.restarts), *hearing.notes),
    )


def waveform(voice: Voice) -> Generator[np.ndarray, None, None]:
    """The voice at 16 kHz in blocks of float32 in [-1, 1]: the mean of its channels, by soxr HQ."""
    with open_container(voice.path, voice.name) as media:
        stream = media.sound(voice.track)
        rate = stream.rate or SAMPLE_RATE  # a damaged header may leave it out
        resample = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        for part in resampled(filled(media.frames(stream)), voice.name, rate):
            said = samples_of(part)[: voice.channels]
            yield resample.resample_chunk(said.mean(axis=0, dtype=np.float32))
        yield resample.resample_chunk(np.empty(0, np.float32), last=True)


def refuse_long(seconds: Fraction | float, most: float, name: str) -> None:
    if seconds > most:
        raise VoiceTooLong(
            f"{name} lasts more than {most:.0f} seconds, which is the limit.",
            "Cut it, or ask the operator for a higher limit.",
        )


def refuse_unusable(name: str, seconds: Fraction, peak: float) -> None:
    if seconds == 0 or not peak < LOUDEST:
        raise UnreadableMedia(f"{name} has no sound that can be decoded.", OPEN_ELSEWHERE)
    if seconds < SHORTEST_SECONDS:
        raise VoiceTooShort(
            f"{name} lasts {float(seconds):.2f} s; it takes {float(SHORTEST_SECONDS)} s or more.",
            "Give a longer recording.",
        )
    if not peak > SILENCE:
        raise SilentVoice(
            f"{name} is silent from beginning to end.", "Give a recording with a voice in it."
        )
