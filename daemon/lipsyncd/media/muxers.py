"""Muxers: how libav writes each format that a result may have, and what sound goes into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SoundEncoder:
    """`name` is libav's; a voice of another rate than `rates`, in samples a second, gets `rate`."""

    name: str
    rate: int
    rates: frozenset[int]


AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
AAC = SoundEncoder("aac", 48000, frozenset(AAC_RATES))
OPUS = SoundEncoder("libopus", 48000, frozenset({8000, 12000, 16000, 24000, 48000}))


@dataclass(frozen=True)
class Muxer:
    """`name` and `settings` are libav's; of sound the packets of these codecs are `copied`, and all
    other is encoded; of subtitles these are kept."""

    name: str
    copied: frozenset[str]
    encoder: SoundEncoder
    subtitles: frozenset[str]
    settings: Mapping[str, str] = field(default_factory=dict)


# What players know in each, as libav names it
MP4 = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
PCM = frozenset({"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"})
MOV = frozenset({"aac", "mp3", "ac3", "eac3", "alac"}) | PCM
WEBM = frozenset({"opus", "vorbis"})
MOV_TEXT, WEB_TEXT = frozenset({"mov_text"}), frozenset({"webvtt"})
MKV_TEXT = frozenset({"subrip", "ass", "hdmv_pgs_subtitle", "dvd_subtitle"}) | WEB_TEXT

# Parts of a second in which the durations of MP4 and MOV are told, and what their edit lists show:
# in libav's thousandths the last picture may lose some of its time
FINE = {"movie_timescale": "90000"}

MUXERS = {
    "mp4": Muxer("mp4", MP4, AAC, MOV_TEXT, FINE),
    "mov": Muxer("mov", MOV, AAC, MOV_TEXT, FINE),
    "mkv": Muxer("matroska", MP4 | PCM | WEBM, AAC, MKV_TEXT),
    "webm": Muxer("webm", WEBM, OPUS, WEB_TEXT),
}
