"""Bombs: small files that state or unpack far more than they hold."""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

MIB = 1 << 20
HUGE = 30_000  # pixels


# Pictures


def png(width: int, height: int, *chunks: bytes, rows: int = 1) -> bytes:
    """A black PNG that states a size, with so many of its rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = deflated(bytes(1 + 3 * width) * rows)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def deflated(content: bytes) -> bytes:
    return zlib.compress(content, 9)


def png_with_long_texts() -> bytes:
    text = b"Comment\0\0" + deflated(bytes(64 * MIB))
    return png(64, 48, *[chunk(b"zTXt", text)] * 8, rows=48)


def png_with_a_vast_profile() -> bytes:
    return png(64, 48, chunk(b"iCCP", b"icc\0\0" + deflated(bytes(512 * MIB))), rows=48)


def apng_with_long_texts() -> bytes:
    control = chunk(b"acTL", struct.pack(">II", 2, 0))
    text = chunk(b"zTXt", b"Comment\0\0" + deflated(bytes(64 * MIB)))
    frame = struct.pack(">IIIIIHHBB", 0, 64, 48, 0, 0, 1, 10, 0, 0)
    return png(64, 48, control, *[text] * 8, chunk(b"fcTL", frame), rows=48)


def small(suffix: str, *how: int) -> bytearray:
    """A grey picture of 64 x 48 pixels."""
    encoded, content = cv2.imencode(suffix, np.full((48, 64, 3), 90, np.uint8), how)
    assert encoded
    return bytearray(content.tobytes())


def jpeg_of_absurd_size() -> bytes:
    content = small(".jpg")
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, HUGE, HUGE)
    return bytes(content)


def jpeg_of_many_scans() -> bytes:
    """Each says, in few bits, that nothing changes in 8192 x 8192 pixels."""
    content = small(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    struct.pack_into(">HH", content, content.index(b"\xff\xc2") + 5, 8192, 8192)
    head = content[: content.index(b"\xff\xda")]
    table = b"\xff\xc4" + struct.pack(">H", 20) + b"\x10\x01" + bytes(15) + b"\xe0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\x00\x01\x3f\x00" + b"\x7f" * 150
    return bytes(head) + table + scan * 20_000 + b"\xff\xd9"


def bmp_of_absurd_size() -> bytes:
    content = small(".bmp")
    struct.pack_into("<ii", content, 18, HUGE, HUGE)
    return bytes(content)


def webp_of_absurd_size() -> bytes:
    content = small(".webp", cv2.IMWRITE_WEBP_QUALITY, 80)
    struct.pack_into("<HH", content, content.index(b"\x9d\x01\x2a") + 3, 0x3FFF, 0x3FFF)
    return bytes(content)


def animated_webp_of_absurd_size() -> bytes:
    """Its canvas is; the picture on it is small."""
    edge = (16383).to_bytes(3, "little")
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + edge + edge
    picture = bytes(small(".webp", cv2.IMWRITE_WEBP_QUALITY, 80)[12:])
    place = bytes(6) + (63).to_bytes(3, "little") + (47).to_bytes(3, "little") + bytes(4)
    frame = b"ANMF" + struct.pack("<I", len(place + picture)) + place + picture
    content = b"WEBP" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * 2
    return b"RIFF" + struct.pack("<I", len(content)) + content


def tiff_of_absurd_size() -> bytes:
    """Its tags of width and height, of 16 bits as OpenCV writes them."""
    content = small(".tiff")
    for tag, stated in ((256, 64), (257, 48)):
        place = content.index(struct.pack("<HHIH", tag, 3, 1, stated))
        struct.pack_into("<HHII", content, place, tag, 4, 1, HUGE)
    return bytes(content)


def jpeg_2000_of_absurd_size() -> bytes:
    content = small(".jp2")
    struct.pack_into(">II", content, content.index(b"ihdr") + 4, HUGE, HUGE)
    struct.pack_into(">II", content, content.index(b"\xff\x4f\xff\x51") + 8, HUGE, HUGE)
    return bytes(content)


def targa_of_absurd_size() -> bytes:
    return struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, 0xFFFF, 0xFFFF, 24, 0) + bytes(99)


def gif(width: int, height: int, frames: int) -> bytes:
    """Frames as large as the screen that hold a pixel each."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    picture = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"
    return screen + picture * frames + b";"


def gif_of_absurd_size() -> bytes:
    return gif(0xFFFF, 0xFFFF, 2)


def gif_of_many_large_frames() -> bytes:
    return gif(5900, 5900, 5000)


# Videos


def video(
    form: str,
    codec: str,
    width: int = 64,
    height: int = 48,
    *,
    times: Iterable[int] = range(6),
    base: str | int = "1/25",
    rate: Fraction | int = 25,
    options: dict[str, str] | None = None,
) -> bytes:
    """Grey frames; `times` are their timestamps in units of `base` seconds."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(base)
        grey = av.VideoFrame(width, height, "yuv420p")
        for plane in grey.planes:
            np.frombuffer(plane, np.uint8)[:] = 100
        for time in times:
            grey.pts, grey.time_base = time, Fraction(base)
            container.mux(stream.encode(grey))
        container.mux(stream.encode(None))
    return file.getvalue()


def mp4() -> bytearray:
    return bytearray(video("mp4", "libx264"))


def two_frames_of_16k() -> bytes:
    fast = {"preset": "ultrafast", "tune": "zerolatency"}
    return video("flv", "libx264", 16_000, 8_900, times=range(2), options=fast)


def mp4_with_an_endless_index() -> bytes:
    """2 kB that make libav fill 3 GB."""
    content, count = mp4(), 50_000_000
    struct.pack_into(">II", content, content.index(b"stsz") + 8, 1, count)
    struct.pack_into(">III", content, content.index(b"stsc") + 12, 1, count, 1)
    return bytes(content)


def mp4_with_an_endless_edit() -> bytes:
    """Each edit shows the whole video again."""
    content = bytearray(video("mp4", "libx264", times=range(500)))
    index, track, edits = (content.index(kind) - 4 for kind in (b"moov", b"trak", b"edts"))
    count = 100_000
    lengths = struct.pack(">IIHH", 20_000, 0, 1, 0) * count
    longer = box(b"edts", box(b"elst", struct.pack(">II", 0, count) + lengths))
    more = len(longer) - int.from_bytes(content[edits : edits + 4])
    content[edits : edits + len(longer) - more] = longer
    for place in (index, track):
        struct.pack_into(">I", content, place, int.from_bytes(content[place : place + 4]) + more)
    return bytes(content)


def mp4_with_a_packed_index() -> bytes:
    content = mp4()
    start = content.index(b"moov") - 4
    index = deflated(bytes(content[start:]) + box(b"free", bytes(512 * MIB)))
    packed = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", 513 * MIB) + index)
    return bytes(content[:start]) + box(b"moov", box(b"cmov", packed))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def mp4_with_many_keys() -> bytes:
    """Names for tags of which there are none."""
    keys = box(b"keys", struct.pack(">II", 0, 80_000_000))
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    return in_index(mp4(), box(b"meta", bytes(4) + handler + keys))


def mp4_with_hidden_keys() -> bytes:
    """Behind what libav skips in search of them."""
    keys = box(b"keys", struct.pack(">II", 0, 80_000_000))
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    return in_index(mp4(), box(b"meta", bytes(1 << 17) + handler + keys))


def mp4_with_many_samples() -> bytes:
    """As many as an index may have, each of a byte, of which none is there."""
    content, count = mp4(), 8_380_000
    struct.pack_into(">II", content, content.index(b"stsz") + 8, 1, count)
    struct.pack_into(">III", content, content.index(b"stsc") + 12, 1, count, 1)
    return bytes(content)


def in_index(content: bytearray, more: bytes) -> bytes:
    """An MP4 with one more box at the end of its index."""
    start = content.index(b"moov") - 4
    size = int.from_bytes(content[start : start + 4])
    struct.pack_into(">I", content, start, size + len(more))
    return bytes(content[: start + size] + more + content[start + size :])


def mp4_of_absurd_size() -> bytes:
    content = mp4()
    struct.pack_into(">HH", content, content.index(b"avc1") + 28, HUGE, HUGE)
    return bytes(content)


def frames_years_apart() -> bytes:
    """The third is due in 30 years."""
    return video("matroska", "libx264", times=[0, 40, 10**12, 10**12 + 40], base="1/1000")


def frames_at_one_moment() -> bytes:
    return stamped([0] * 100)


def frames_back_in_time() -> bytes:
    return stamped([4000 - 40 * number for number in range(100)])


def stamped(times: list[int]) -> bytes:
    """An FLV with these timestamps, in milliseconds, whatever their order."""
    content = bytearray(video("flv", "flv", times=range(len(times)), options={"g": "1"}))
    place, due = 13, iter(times)  # behind the header
    while place + 15 < len(content):
        if content[place] == 9:  # a tag of video
            content[place + 4 : place + 7] = struct.pack(">I", next(due, 0))[1:]
        place += 15 + int.from_bytes(content[place + 1 : place + 4])
    return bytes(content)


def a_thousand_frames_a_second() -> bytes:
    return video("mp4", "libx264", rate=1000, base="1/1000", times=range(50))


def a_frame_in_eleven_days() -> bytes:
    return video("matroska", "libx264", rate=Fraction(1, 10**6), base=1, times=[0, 10**6])


def many_streams() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(150)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
            container.mux(stream.encode(None))
    return file.getvalue()


def another_size_in_the_middle() -> bytes:
    """JPEGs of 64 x 48 pixels, then of 640 x 480, then of 64 x 48 again."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, times in enumerate([1] * 5 + [10] * 5 + [1] * 5):
            _, jpeg = cv2.imencode(".jpg", np.full((48 * times, 64 * times, 3), 90, np.uint8))
            packet = av.Packet(jpeg.tobytes())
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            container.mux(packet)
    return file.getvalue()


def lines_from_the_bottom() -> bytes:
    """Raw pictures in an AVI that says that they are stored upside down."""
    content = bytearray(video("avi", "rawvideo"))
    said = b"\0BottomUp\0"
    form = content.index(b"strf")
    end = form + 8 + int.from_bytes(content[form + 4 : form + 8], "little")
    for place in (4, content.index(b"hdrl") - 4, content.index(b"strl") - 4, form + 4, form + 8):
        stated = int.from_bytes(content[place : place + 4], "little")
        struct.pack_into("<I", content, place, stated + len(said))
    return bytes(content[:end] + said + content[end:])


# Before the first picture


def with_attachments(path: Path, count: int, size: int) -> Path:
    """A Matroska file with files in it, which are nothing but holes."""
    before, after = at_first_cluster(bytearray(video("matroska", "libx264")))
    with path.open("wb") as file:
        file.write(before)
        for number in range(count):
            named = (
                element(0x466E, b"a") + element(0x4660, b"a/b") + element(0x46AE, b"%d" % number)
            )
            attached = named + head_of(0x465C, size)
            file.write(head_of(0x1941A469, len(attached) + size + 10))
            file.write(head_of(0x61A7, len(attached) + size) + attached)
            file.seek(size, os.SEEK_CUR)
        file.write(after)
    return path


def matroska_with_tags(count: int, size: int) -> bytes:
    before, after = at_first_cluster(bytearray(video("matroska", "libx264")))
    text = element(0x4487, b"a" * size)
    tags = (element(0x67C8, element(0x45A3, b"T%d" % number) + text) for number in range(count))
    return before + element(0x1254C367, element(0x7373, b"".join(tags))) + after


def at_first_cluster(content: bytearray) -> tuple[bytes, bytes]:
    """A Matroska file, of a length that it does not state, in two."""
    segment = content.index(b"\x18\x53\x80\x67") + 4
    content[segment : segment + 8] = b"\x01" + b"\xff" * 7
    place = content.index(b"\x1f\x43\xb6\x75")
    return bytes(content[:place]), bytes(content[place:])


def element(kind: int, content: bytes) -> bytes:
    return head_of(kind, len(content)) + content


def head_of(kind: int, size: int) -> bytes:
    """An element of EBML up to its content."""
    return kind.to_bytes((kind.bit_length() + 7) // 8) + (1 << 56 | size).to_bytes(8)


def avi_with_texts(count: int, size: int) -> bytes:
    """Before its pictures."""
    content = video("avi", "mpeg4")
    texts = b"".join(
        b"I%03d" % number + struct.pack("<I", size) + b"a" * size for number in range(count)
    )
    place = content.index(b"LIST", content.index(b"hdrl") + 4 + 60)
    while content[place + 8 : place + 12] != b"movi":
        place = content.index(b"LIST", place + 4)
    more = b"LIST" + struct.pack("<I", len(texts) + 4) + b"INFO" + texts
    whole = bytearray(content[:place] + more + content[place:])
    struct.pack_into("<I", whole, 4, len(whole) - 8)
    return bytes(whole)


def caf_with_many_packets(count: int = 20_000_000) -> bytes:
    """A byte for the length of each."""
    described = struct.pack(">d4sIIIII", 8000.0, b"alac", 0, 0, 4096, 1, 0)
    table = struct.pack(">qqii", count, count * 4096, 0, 0) + bytes(count)
    return b"caff\0\x01\0\0" + b"".join(
        kind + struct.pack(">q", len(content)) + content
        for kind, content in (
            (b"desc", described),
            (b"kuki", struct.pack(">IBBBBBBHIII", 4096, 0, 16, 40, 10, 14, 1, 255, 0, 0, 8000)),
            (b"pakt", table),
            (b"data", bytes(64)),
        )
    )


# Voices


def wav(rate: int, channels: int, samples: bytes, stated: int | None = None) -> bytes:
    """16 bits a sample; `stated` is how many bytes of samples its header promises."""
    size = len(samples) if stated is None else stated
    block = 2 * channels % 65536
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * block % 2**32, block, 16)
    parts = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + parts + samples


def noise(count: int) -> bytes:
    return np.random.default_rng(1).integers(-8000, 8000, count, np.int16).tobytes()


def flac_of_many_hours() -> bytes:
    """400 kB."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        stream.options = {"frame_size": "65535", "compression_level": "0"}
        block = av.AudioFrame.from_ndarray(np.zeros((1, 65535), np.int16), "s16", "mono")
        block.rate = 8000
        for number in range(5 * 3600 * 8000 // 65535):
            block.pts = number * 65535
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return file.getvalue()


def aac_of_eight_channels() -> bytes:
    """An ordinary 7.1; PyAV reads beyond the addresses of so many planes."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000, layout="7.1")
        stream.codec_context.open()
        sound = np.frombuffer(noise(8 * 48000), np.int16)[None]
        block = av.AudioFrame.from_ndarray(sound, "s16", "7.1")
        block.rate = 48000
        planar = av.AudioResampler("fltp", "7.1", 48000, stream.codec_context.frame_size)
        for number, part in enumerate([*planar.resample(block), *planar.resample(None)]):
            part.pts = 1024 * number
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def mp3_with_packed_tags() -> bytes:
    """1 MB of tags that unpack to 1 GB, before a voice."""
    tags = b"".join(packed_tag(number, bytes(256 * MIB)) for number in range(4))
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=44100, layout="mono")
        for number in range(40):
            sound = np.frombuffer(noise(1152), np.int16)[None]
            block = av.AudioFrame.from_ndarray(sound, "s16p", "mono")
            block.rate, block.pts = 44100, 1152 * number
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return b"ID3\x04\0\0" + spread(len(tags)) + tags + file.getvalue()


def wav_with_packed_tags() -> bytes:
    tags = packed_tag(0, bytes(256 * MIB)) * 4
    tag = b"ID3\x04\0\0" + spread(len(tags)) + tags
    sound = wav(16000, 1, noise(16000))
    return sound[:36] + b"id3 " + struct.pack("<I", len(tag)) + tag + sound[36:]


def packed_tag(number: int, text: bytes) -> bytes:
    content = b"\0%d\0" % number + text
    packed = struct.pack(">I", len(content)) + deflated(content)
    return b"TXXX" + spread(len(packed)) + b"\0\x09" + packed


def spread(number: int) -> bytes:
    """Seven bits in each byte, as ID3 has them."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


FACES: dict[str, Callable[[], bytes]] = {
    "PNG of 30000 x 30000": lambda: png(HUGE, HUGE),
    "PNG of 2^31 x 1": lambda: png(0x7FFFFFFF, 1, rows=0),
    "PNG of 0 x 0": lambda: png(0, 0),
    "PNG of 1 x 1": lambda: png(1, 1),
    "PNG with long texts": png_with_long_texts,
    "PNG with a vast profile": png_with_a_vast_profile,
    "APNG with long texts": apng_with_long_texts,
    "JPEG of 30000 x 30000": jpeg_of_absurd_size,
    "JPEG of many scans": jpeg_of_many_scans,
    "BMP of 30000 x 30000": bmp_of_absurd_size,
    "WebP of 16383 x 16383": webp_of_absurd_size,
    "GIF of 65535 x 65535": gif_of_absurd_size,
    "animated WebP of 16384 x 16384": animated_webp_of_absurd_size,
    "TIFF of 30000 x 30000": tiff_of_absurd_size,
    "JPEG 2000 of 30000 x 30000": jpeg_2000_of_absurd_size,
    "TGA of 65535 x 65535": targa_of_absurd_size,
    "GIF of many large frames": gif_of_many_large_frames,
    "two frames of 16000 x 8900": two_frames_of_16k,
    "MP4 of 30000 x 30000": mp4_of_absurd_size,
    "MP4 with an endless index": mp4_with_an_endless_index,
    "MP4 with an endless edit": mp4_with_an_endless_edit,
    "MP4 with a packed index": mp4_with_a_packed_index,
    "MP4 with many keys": mp4_with_many_keys,
    "MP4 with hidden keys": mp4_with_hidden_keys,
    "MP4 with many samples": mp4_with_many_samples,
    "frames years apart": frames_years_apart,
    "frames at one moment": frames_at_one_moment,
    "frames back in time": frames_back_in_time,
    "1000 frames a second": a_thousand_frames_a_second,
    "a frame in 11 days": a_frame_in_eleven_days,
    "150 streams": many_streams,
    "another size in the middle": another_size_in_the_middle,
    "lines from the bottom": lines_from_the_bottom,
}
SOUNDS: dict[str, Callable[[], bytes]] = {
    "WAV at 0 Hz": lambda: wav(0, 1, noise(16000)),
    "WAV at 1 Hz": lambda: wav(1, 1, noise(16000)),
    "WAV at 4 GHz": lambda: wav(2**32 - 1, 1, noise(16000)),
    "WAV of no channels": lambda: wav(16000, 0, noise(16000)),
    "WAV of 255 channels": lambda: wav(16000, 255, noise(255 * 16000)),
    "WAV of 65535 channels": lambda: wav(16000, 65535, noise(131070)),
    "WAV that states a day": lambda: wav(16000, 1, noise(16000), stated=3 * 2**30),
    "CAF of 20 million packets": caf_with_many_packets,
    "FLAC of five hours": flac_of_many_hours,
    "AAC of 8 channels": aac_of_eight_channels,
    "MP3 with packed tags": mp3_with_packed_tags,
    "WAV with packed tags": wav_with_packed_tags,
}
