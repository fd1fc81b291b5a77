"""Limits: what one media file may take of the machine, whatever it says of itself."""

import ctypes
from pathlib import Path

from lipsyncd.errors import PictureTooLarge

LIBRARY = "/libavutil"  # how the part of libav that allocates is called


def bound_allocations() -> None:
    """From now on, in this process.  PyAV has no word for it, so the library itself is asked."""
    for path in libraries():
        ctypes.CDLL(path).av_max_alloc(ctypes.c_size_t(ALLOCATION))


def libraries() -> set[str]:
    """Those that are loaded: PyAV and OpenCV may each have their own."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if LIBRARY in line}


MIB = 1 << 20

# What a header may state
SIDE = 8192  # pixels of a picture's width or height
STILL_PIXELS = SIDE * SIDE
VIDEO_PIXELS = SIDE * 4352  # the most that any level of H.264, HEVC or AV1 has; decoders hold many
SMALLEST_SIDE = 16  # pixels: encoders and face detectors know nothing smaller
STREAMS = 64  # a film with its languages and fonts; each costs a decoder while a file is probed
STATED_STREAMS = 256  # where libav stops counting them
SAMPLE_RATES = range(1000, 768_001)  # a second: from worse than a telephone to the finest studio
CHANNELS = 64  # third-order Ambisonics has 16
SLOWEST, FASTEST = 1, 240  # frames a second; beyond them a number is no rate, but a mistake
FINEST = 100_000  # the denominator of a rate; it becomes the clock of the result
FLATTEST = 16  # how much wider than high a pixel may be, or higher than wide
INDEXED = 8 << 20  # samples in an MP4's tables: 4 hours at 240 frames a second, with sound
STILL_BYTES = 256 * MIB  # of an image file, which is read whole: 8192 x 8192 RGBA
# read until a file is open: the index of 4 hours has 40 at most, the fonts of a film as many
OPENING_BYTES = 96 * MIB

# What may come out of a packet
FRAME_SAMPLES = 1 << 20  # of sound in one frame: a second at any sane rate
PACKED_BYTES = 16 * MIB  # that the texts and colour profiles of a PNG unpack to
SCANS = 500  # passes over one JPEG; cameras make 1, progressive files some 10
ALLOCATION = 640 * MIB  # a single one by libav: 8192 x 8192 RGBA of 16 bits is 512

# How long work may go on without anything coming of it; the watchdog waits for 30 s
FRAME_SECONDS = 12.0
OPENING_SECONDS = 4.0  # a render opens its files six times in a row before a picture comes

# Pictures held between two stages of a render: at 4K a batch of 8
HELD_BYTES = 96 * MIB
# Larger ones than 4K are decoded and encoded with few in flight, each as large as many usual ones
LARGE = 4096 * 2304
LARGE_THREADS = 2

# The containers and the codecs that people use, as libav names them; images are read elsewhere.
# It knows some hundred more, of old games and gone devices, which nobody looks after any more.
FORMATS = (
    "mov,matroska,avi,flv,mpeg,mpegts,mpegvideo,m4v,h264,hevc,ivf,obu,asf,dv,yuv4mpegpipe,"
    "wav,w64,aiff,au,caf,flac,ogg,mp3,aac,loas,ac3,eac3,amr,wv"
)
CODECS = (
    "h264,hevc,libdav1d,vp8,vp9,mpeg1video,mpeg2video,mpeg4,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,"
    "h263,flv,vp6,vp6f,vp6a,theora,mjpeg,mjpegb,prores,dnxhd,cfhd,dvvideo,ffv1,huffyuv,ffvhuff,"
    "utvideo,magicyuv,qtrle,rawvideo,v210,png,"
    "aac,aac_latm,mp3float,mp3,mp2float,mp2,ac3,eac3,opus,vorbis,flac,alac,wavpack,amrnb,amrwb,"
    "wmav1,wmav2,wmapro,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,gsm,gsm_ms,pcm_alaw,pcm_mulaw,pcm_u8,"
    "pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,"
    "pcm_f64le,pcm_f64be"
)


def held(frame_bytes: int, most: int) -> int:
    """How many frames, each of so many bytes, may wait between two stages: 1 to `most`."""
    return max(1, min(most, HELD_BYTES // frame_bytes))


def refuse_large(size: tuple[int, int], most_pixels: int, name: str) -> None:
    """Raise PictureTooLarge for a width and height."""
    width, height = size
    if max(size) > SIDE or width * height > most_pixels:
        raise PictureTooLarge(
            f"{name} has pictures of {width} x {height} pixels; "
            f"{SIDE} x {most_pixels // SIDE} is the limit.",
            "Make it smaller.",
        )
