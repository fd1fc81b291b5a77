"""Voices as people's programs write them: what drives the lips is what is heard, at that time."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from support.media.synthetic import examined, frame_of, numbered, result_at, write_video
from support.media.voices import (
    Maker,
    changed,
    filmed,
    joined,
    later,
    muxed,
    remuxed,
    replaced,
    sized,
    tagged,
    written,
)

from lipsyncd.errors import InputError, NoAudioStream, TruncatedMedia, UnreadableMedia
from lipsyncd.media.output import Output
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.voice import Voice, waveform

RATE = 16000
WINDOW, FARTHEST = 4800, 1600  # samples: that are looked for, and how far away
MOST_MS = 20  # of offset
A_FRAME, PADDING = 0.04, 0.01  # seconds

WAV = written("voice.wav", "pcm_s16le")
MP3 = written("voice.mp3", "libmp3lame", 44100)
AAC = written("voice.aac", "aac", 44100)
M4A = written("voice.m4a", "aac", 44100)
HALF = written(
    "half.m4a", "aac", 22050
)  # as many samples as HE-AAC has before its bands are doubled
# What describes that (ISO 14496-3, 1.6.2.1): SBR, 22050 Hz, one channel, 44100 Hz, over AAC-LC
HE = int(f"{5:05b}{7:04b}{1:04b}{4:04b}{2:05b}{0:010b}", 2).to_bytes(4)
OPUS = written("voice.opus", "libopus", 48000)
VORBIS = written("voice.ogg", "vorbis", 44100, 2, options={"strict": "-2"})
MKA = {
    codec: written("voice.mka", codec, rate)
    for codec, rate in (("aac", 44100), ("flac", 44100), ("libmp3lame", 44100), ("ac3", 48000))
}
TS = filmed("voice.ts", video="mpeg2video")
RF64 = muxed("wav", "pcm_s16le", rf64="always")
UNTOLD = b"\xff" * 8


def after(mark: bytes, skipped: int, new: bytes) -> Callable[[bytes], bytes]:
    """A change of what stands so many bytes behind a mark."""

    def change(content: bytes) -> bytes:
        at = content.index(mark) + len(mark) + skipped
        return content[:at] + new + content[at + len(new) :]

    return change


def id3(size: int) -> bytes:
    spread = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + spread + bytes(size)


def plain(content: bytes) -> Maker:
    """A file of just that."""

    def make(folder: Path) -> Path:
        path = folder / "voice"
        path.write_bytes(content)
        return path

    return make


def hissing(head: bytes, frame: bytes, size: int, count: int) -> Maker:
    """A voice of a codec that is only read here: so many frames that begin alike, and are noise."""
    noise = np.random.default_rng(5).bytes(count * size)
    frames = (frame + noise[at : at + size] for at in range(0, len(noise), size))
    return plain(head + b"".join(frames))


def gsm_head(size: int) -> bytes:
    """The header of a WAV of Microsoft's GSM, of which 65 bytes are 320 samples."""
    form = struct.pack("<HHIIHHHH", 0x31, 1, 8000, 1625, 65, 0, 2, 320)
    parts = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", len(parts) + size) + parts


VOICES: dict[str, tuple[Maker, float]] = {
    # WAV and its kin
    "WAV of 8 bits": (written("voice.wav", "pcm_u8"), 2),
    "WAV of 16 bits": (written("voice.wav", "pcm_s16le", 44100, 2), 2),
    "WAV of 24 bits": (written("voice.wav", "pcm_s24le", 48000), 2),
    "WAV of 32 bits": (written("voice.wav", "pcm_s32le", 96000), 2),
    "WAV of floats": (written("voice.wav", "pcm_f32le"), 2),
    "WAV of doubles": (written("voice.wav", "pcm_f64le"), 2),
    "WAV of A-law": (written("voice.wav", "pcm_alaw", 8000), 2),
    "WAV of mu-law": (written("voice.wav", "pcm_mulaw", 8000), 2),
    "WAV of Microsoft's ADPCM": (written("voice.wav", "adpcm_ms", 22050), 2.05),
    "WAV of IMA's ADPCM": (written("voice.wav", "adpcm_ima_wav", 22050), 2.05),
    "WAV of MP3": (written("voice.wav", "libmp3lame", 44100), 2.03),
    "WAV of AC-3": (written("voice.wav", "ac3", 48000), 2.01),
    "WAV of broadcasters": (muxed("wav", "pcm_s24le", 48000, write_bext="1"), 2),
    "WAV of no size": (changed(WAV, sized(0)), 2),
    "WAV of any size": (changed(WAV, sized(0xFFFFFFFF)), 2),
    "WAV of the largest size": (changed(WAV, sized(0x7FFFFFFF)), 2),
    "WAV of a size of sox": (changed(WAV, sized(0x7FFFF000, 0x7FFFF024)), 2),
    "WAV of half of all sizes": (changed(WAV, sized(0x80000000, 0x80000024)), 2),
    "mu-law of any size": (
        changed(written("voice.wav", "pcm_mulaw", 8000), sized(0xFFFFFFFF)),
        2,
    ),
    "RF64": (RF64, 2),
    "RF64 of no size": (changed(RF64, after(b"ds64", 4, bytes(24))), 2),
    "BW64": (changed(RF64, lambda content: b"BW64" + content[4:]), 2),
    "Wave64": (muxed("w64", "pcm_s24le"), 2),
    "Wave64 of any size": (
        changed(muxed("w64", "pcm_s16le"), after(b"data", 12, b"\xff" * 7 + b"\x7f")),
        2,
    ),
    # Other uncompressed sound
    "AIFF": (written("voice.aiff", "pcm_s16be", 44100, 2), 2),
    "AIFF of 24 bits": (written("voice.aiff", "pcm_s24be", 44100), 2),
    "AIFF of no size": (
        changed(
            changed(written("voice.aiff", "pcm_s16be"), after(b"SSND", 0, bytes(4))),
            after(b"FORM", 0, bytes(4)),
        ),
        2,
    ),
    "AIFC of little ends": (written("voice.aifc", "pcm_s16le"), 2),
    "AIFC of IMA's ADPCM": (written("voice.aifc", "adpcm_ima_qt", 22050), 2),
    "CAF": (written("voice.caf", "pcm_s16be"), 2),
    "CAF of any size": (changed(written("voice.caf", "pcm_s16le"), after(b"data", 0, UNTOLD)), 2),
    "CAF of ALAC": (written("voice.caf", "alac", 44100), 1.96),  # libav takes the end off twice
    "AU": (written("voice.au", "pcm_s16be"), 2),
    "AU of any size": (
        changed(written("voice.au", "pcm_mulaw", 8000), after(b".snd", 4, UNTOLD[:4])),
        2,
    ),
    # Without a loss
    "FLAC": (written("voice.flac", "flac", 44100), 2),
    "FLAC of no length": (
        changed(written("voice.flac", "flac", 44100), after(b"fLaC", 18, bytes(4))),
        2,
    ),
    "FLAC behind a tag": (changed(written("voice.flac", "flac", 44100), tagged(id3(5000))), 2),
    "FLAC in Ogg": (muxed("ogg", "flac", 44100), 2),
    "ALAC": (written("voice.m4a", "alac", 44100), 2),
    "WavPack": (written("voice.wv", "wavpack", 44100), 2),
    # MPEG audio
    "MP3": (MP3, 2),
    "MP3 of 8 kHz": (written("voice.mp3", "libmp3lame", 8000), 2),
    "MP3 that does not say how it was padded": (
        muxed("mp3", "libmp3lame", 44100, write_xing="0"),
        2.03,
    ),
    "MP3 behind a large tag": (changed(MP3, tagged(id3(3_000_000))), 2),
    "MP3 behind two tags": (changed(changed(MP3, tagged(id3(70_000))), tagged(id3(300_000))), 2),
    "MP3 before a tag": (changed(MP3, lambda content: content + b"TAG" + bytes(125)), 2),
    "MP3 behind zeros": (changed(MP3, tagged(bytes(1500))), 2.03),
    "two MP3s, joined": (joined(MP3, written("other.mp3", "libmp3lame", 44100, seed=5)), 4.04),
    "MPEG layer 2": (written("voice.mp2", "mp2", 48000), 2),
    "MP3 in MP4": (muxed("mp4", "libmp3lame", 44100), 2),
    "MP3 in Matroska": (MKA["libmp3lame"], 2),
    # AAC, with its run-up
    "AAC": (AAC, 2.04),
    "two AACs, joined": (joined(AAC, written("other.aac", "aac", 44100, seed=5)), 4.08),
    "HE-AAC": (remuxed(HALF, "he.m4a", described=HE), 2.04),
    "HE-AAC in Matroska": (remuxed(HALF, "he.mka", described=HE), 2.09),
    "AAC in LATM": (muxed("latm", "aac", 44100), 2.04),
    "M4A": (M4A, 2.01),
    "M4A of 16 kHz": (written("voice.m4a", "aac"), 2.05),
    "M4A in fragments": (muxed("mp4", "aac", 44100, movflags="frag_keyframe+empty_moov"), 2.04),
    "M4A without an edit list": (muxed("mp4", "aac", 44100, use_editlist="0"), 2.04),
    "M4A that begins late": (written("voice.m4a", "aac", 44100, start=2.0), 2.04),
    "AAC in Matroska": (MKA["aac"], 2.01),
    "AAC that begins before its time": (written("voice.mka", "aac", 44100, start=-0.5), 2.01),
    "AAC that begins late": (written("voice.mka", "aac", 44100, start=7.0), 2.01),
    # Opus, Vorbis and others
    "Opus": (OPUS, 2),
    "Opus in WebM": (written("voice.webm", "libopus", 48000), 2),
    "Opus in MP4": (muxed("mp4", "libopus", 48000), 2.01),
    "Opus in a transport stream": (muxed("mpegts", "libopus", 48000), 2.02),
    "two Opus, chained": (joined(OPUS, written("other.opus", "libopus", 48000, seed=5)), 4),
    "Opus that was cut": (remuxed(OPUS, "cut.opus", lambda packet: packet.pts >= 48000), 1),
    "Vorbis": (VORBIS, 2),
    "two Vorbis, chained": (joined(VORBIS, VORBIS), 4.02),
    "Vorbis that was cut": (remuxed(VORBIS, "cut.ogg", lambda packet: packet.pts >= 44100), 0.96),
    "AMR": (written("voice.amr", "libopencore_amrnb", 8000), 2.02),
    "AMR in 3GP": (written("voice.3gp", "libopencore_amrnb", 8000), 2.02),
    "AMR of a wide band": (hissing(b"#!AMR-WB\n", b"\x04", 17, 100), 2),
    "GSM": (hissing(gsm_head(65 * 50), b"", 65, 50), 2),
    "WMA": (written("voice.wma", "wmav2", 44100, 2, options={"b": "64000"}), 2),
    "WMA of the first version": (
        written("voice.wma", "wmav1", 44100, options={"b": "64000"}),
        2,
    ),
    "AC-3": (written("voice.ac3", "ac3", 48000, 2), 2.01),
    "E-AC-3": (written("voice.eac3", "eac3", 48000, 2), 2.01),
    # The sound of videos
    "MP4": (filmed("voice.mp4"), 2),
    "MP4 whose sound begins late": (filmed("voice.mp4", late=0.7), 2.03),
    "QuickTime": (filmed("voice.mov", "pcm_s16le"), 2),
    "Matroska": (filmed("voice.mkv"), 2.01),
    "Matroska whose sound begins late": (filmed("voice.mkv", late=0.7), 2.01),
    "WebM": (filmed("voice.webm", "libopus", video="libvpx"), 2),
    "AVI": (filmed("voice.avi", "libmp3lame"), 2.03),
    "Flash": (filmed("voice.flv", video="flv"), 2.03),
    "Windows Media": (filmed("voice.wmv", "libmp3lame", video="wmv2"), 2.03),
    "3GP": (filmed("voice.3gp"), 2),
    "transport stream": (TS, 2.03),
    "program stream": (filmed("voice.mpg", "mp2", video="mpeg1video"), 2),
    "DVD": (filmed("voice.vob", "ac3", video="mpeg2video"), 2.01),
    # More recordings than one, and less
    "two transport streams, joined": (joined(TS, TS), 4.06),
    "two program streams, joined": (
        joined(*[filmed("voice.mpg", "mp2", video="mpeg1video")] * 2),
        4.03,
    ),
    "a hole in Matroska": (remuxed(MKA["aac"], "hole.mka", later(1, 0.8)), 2.81),
    "a hole in MP4": (remuxed(M4A, "hole.m4a", later(1, 0.8)), 2.82),
    "a hole in WebM": (
        remuxed(written("voice.webm", "libopus", 48000), "hole.webm", later(1, 0.8)),
        2.8,
    ),
    "a hole in Ogg": (remuxed(OPUS, "hole.opus", later(1, 0.8)), 2.8),
    "a hole in a transport stream": (remuxed(M4A, "hole.ts", later(1, 0.8)), 2.84),
    "a hole too small to be one": (remuxed(MKA["libmp3lame"], "hole.mka", later(1, 0.06)), 2),
    "a hole of two minutes": (remuxed(MKA["flac"], "hole.mka", later(1, 120)), 122),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A face of few pixels, which nobody looks at."""
    path = write_video(tmp_path_factory.mktemp("tiny") / "face.mp4", [numbered(1)] * 2)
    return examine_source(path, "The face")


def heard_in(path: Path) -> np.ndarray:
    """What a player plays of a result from the time of its first picture on: (samples,) at RATE."""
    with av.open(str(path)) as result:
        picture = next(result.decode(video=0))
        assert picture.pts == 0
    with av.open(str(path)) as result:
        rate, played = result.streams.audio[0].rate, np.zeros(0, np.float32)
        for frame in result.decode(audio=0):
            packed = frame.to_ndarray()
            levels = (
                packed if frame.format.is_planar else packed.reshape(-1, frame.layout.nb_channels).T
            )
            if levels.dtype.kind == "i":
                levels = levels / -float(np.iinfo(levels.dtype).min)
            due = round(frame.pts * frame.time_base * rate)
            # players let timestamps tremble, as those do that are whole milliseconds
            is_next = abs(due - len(played)) < rate // 200
            begin = len(played) if is_next else due
            sound = levels.mean(axis=0)[max(0, -begin) :].astype(np.float32)
            hole = np.zeros(max(0, begin - len(played)), np.float32)
            played = np.concatenate([played[: max(0, begin)], hole, sound])
    return soxr.resample(played, rate, RATE)


def offset(driving: np.ndarray, played: np.ndarray, at: int, least: float = 0.8) -> float:
    """By how many milliseconds a part of what drives the lips is played later; what is alike at
    least so much is the same."""
    part, begin = driving[at : at + WINDOW], max(0, at - FARTHEST)
    around = played[begin : at + WINDOW + FARTHEST]
    energy = np.convolve(np.square(around), np.ones(len(part)), "valid")
    alike = np.correlate(around, part, "valid") / np.sqrt(energy * np.square(part).sum() + 1e-9)
    assert alike.max() > least, "it is not to be heard near there"
    return (begin + int(alike.argmax()) - at) / RATE * 1000


def loud_places(driving: np.ndarray) -> list[int]:
    """The first, the middle and the last place from which on there is sound."""
    starts = range(RATE // 20, len(driving) - WINDOW - RATE // 20, RATE // 50)
    loud = [at for at in starts if np.abs(driving[at : at + WINDOW]).mean() > 0.02]
    return [loud[0], loud[len(loud) // 2], loud[-1]]


SMALL = Output(preset="ultrafast", crf=40)


def played_with(voices: list[Voice], source: Source, path: Path) -> np.ndarray:
    """What is heard of a result with as many pictures as the voices take."""
    picture = frame_of(numbered(1)).picture
    with result_at(path, source, voices, SMALL) as result:
        for _ in range(round(max(voice.seconds for voice in voices) * source.rate)):
            result.write(picture)
    return heard_in(path)


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_drives_the_lips_with_what_is_heard(
    tmp_path: Path, tiny: Source, name: str
) -> None:
    make, seconds = VOICES[name]
    voice = examined(make(tmp_path))
    assert float(voice.seconds) == pytest.approx(seconds, abs=A_FRAME / 2)
    driving = np.concatenate(list(waveform(voice)))
    assert len(driving) / RATE == pytest.approx(float(voice.seconds), abs=A_FRAME / 2)
    played = played_with([voice], tiny, tmp_path / "result.mp4")
    offsets = [offset(driving, played, at) for at in loud_places(driving)]
    print(f"\n  {name}: {float(voice.seconds):.3f} s, {offsets} ms")
    assert max(map(abs, offsets)) <= MOST_MS
    with av.open(str(tmp_path / "result.mp4")) as result:
        lasts = result.duration / av.time_base
        assert lasts == pytest.approx(float(voice.seconds), abs=A_FRAME + PADDING)


def coded(tag: int) -> Maker:
    """A WAV that states another codec."""
    return changed(WAV, after(b"fmt ", 4, struct.pack("<H", tag)))


def cut(maker: Maker) -> Maker:
    return changed(maker, lambda content: content[: len(content) // 2])


REFUSED: dict[str, tuple[Maker, type[InputError], str]] = {
    "Speex": (coded(0xA109), UnreadableMedia, "Speex"),
    "DTS": (changed(MKA["ac3"], replaced(b"A_AC3", b"A_DTS")), UnreadableMedia, "DTS"),
    "raw DTS": (plain(b"\x7f\xfe\x80\x01" + bytes(4000)), UnreadableMedia, "DTS"),
    "TrueHD": (
        changed(remuxed(VORBIS, "voice.mka"), replaced(b"A_VORBIS", b"A_TRUEHD")),
        UnreadableMedia,
        "TrueHD",
    ),
    "G.726": (coded(0x45), UnreadableMedia, "G.726"),
    "a codec without a name": (coded(0x1234), UnreadableMedia, "nobody knows"),
    "Silk": (plain(b"\x02#!SILK_V3" + bytes(4000)), UnreadableMedia, "Silk"),
    "True Audio": (written("voice.tta", "tta", 44100), UnreadableMedia, "True Audio"),
    "MIDI": (plain(b"MThd\0\0\0\6" + bytes(100)), UnreadableMedia, "MIDI"),
    "a playlist": (plain(b"#EXTM3U\nhttp://example.org/\n"), UnreadableMedia, "playlist"),
    "a web page": (plain(b"\n<!DOCTYPE html><html></html>"), UnreadableMedia, "web page"),
    "nothing": (plain(b""), UnreadableMedia, "empty"),
    "half an AIFF": (cut(written("voice.aiff", "pcm_s16be")), TruncatedMedia, "breaks off"),
    "half a CAF": (cut(written("voice.caf", "pcm_s16be")), TruncatedMedia, "breaks off"),
    "half a CAF of ALAC": (cut(written("voice.caf", "alac", 44100)), TruncatedMedia, "breaks off"),
    "half an AU": (cut(written("voice.au", "pcm_s16be")), TruncatedMedia, "breaks off"),
    "half an RF64": (cut(RF64), TruncatedMedia, "breaks off"),
    "half a Wave64": (cut(muxed("w64", "pcm_s16le")), TruncatedMedia, "breaks off"),
    "a size that is just too large": (
        changed(WAV, sized(0x7FFFEFFF)),
        TruncatedMedia,
        "breaks off",
    ),
    "a video without sound": (
        lambda folder: write_video(folder / "voice.mp4", [numbered(1)] * 3),
        NoAudioStream,
        "no sound",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_voice_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    make, kind, words = REFUSED[name]
    with pytest.raises(kind) as caught:
        examined(make(tmp_path))
    assert words in caught.value.message
    assert "H.264 and AAC" not in caught.value.hint
    print(f"\n  {caught.value.message} {caught.value.hint}")


def test_each_voice_of_a_dialogue_is_heard_when_it_drives_its_lips(
    tmp_path: Path, tiny: Source
) -> None:
    """All of them are mixed: one with a run-up, one with a hole, one that does not tell its own."""
    voices = []
    for seed, (name, codec) in enumerate([("a.m4a", "aac"), ("b.mka", "flac"), ("c.mp3", "mp3")]):
        maker = written(name, {"mp3": "libmp3lame"}.get(codec, codec), 44100, seed=seed)
        maker = remuxed(maker, f"late-{name}", later(1, 0.8)) if codec == "flac" else maker
        voices.append(examined(maker(tmp_path)))
    played = played_with(voices, tiny, tmp_path / "result.mp4")
    for voice in voices:
        driving = np.concatenate(list(waveform(voice)))
        places = loud_places(driving)
        assert max(abs(offset(driving, played, at, 0.2)) for at in places) <= MOST_MS
