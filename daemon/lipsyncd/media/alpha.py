"""Alpha: the decoders that see how transparent a video of VP8 or VP9 is; libav's own do not."""

from typing import cast

import av

SEEING = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def alpha_decoder(stream: av.VideoStream) -> av.VideoCodecContext | None:
    """Another decoder for a stream whose container says that it has alpha; else None."""
    codec = stream.codec_context.codec.name
    if stream.metadata.get("alpha_mode") != "1" or codec not in SEEING:
        return None
    decoder = cast(av.VideoCodecContext, av.CodecContext.create(SEEING[codec], "r"))
    decoder.options = stream.codec_context.options
    decoder.thread_count = stream.codec_context.thread_count
    return decoder
