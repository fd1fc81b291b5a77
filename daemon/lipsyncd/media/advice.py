"""Advice: what to do next about a face or a voice that cannot be used."""

OPEN_ELSEWHERE = "See whether a player opens it; if so, convert it: a voice to WAV, a face to MP4."
CONVERT = "Convert it: a voice to WAV, a video to MP4 with H.264, a picture to PNG."
CONVERT_VOICE = "Convert it to WAV, as `ffmpeg -i IN OUT.wav` does."
CONVERT_FACE = "Convert a video by `ffmpeg -i IN OUT.mp4`, a picture by `ffmpeg -i IN OUT.png`."
SEND_WHOLE = "Send the whole file: it plays only to where it breaks off."
