"""Failures of the face or the voice: another file may render."""

from lipsyncd.errors.base import LipsyncError


class InputError(LipsyncError):
    """The face or the voice cannot be rendered; another file may."""

    code = 65


class UnreadableMedia(InputError):
    name = "input.unreadable"


class TruncatedMedia(InputError):
    name = "input.truncated"


class NoVideoStream(InputError):
    name = "input.no_video"


class NoAudioStream(InputError):
    name = "input.no_audio"


class SilentVoice(InputError):
    name = "input.silent"


class NoFace(InputError):
    name = "input.no_face"


class InclinedFace(InputError):
    name = "input.inclined_face"


class FaceAway(InputError):
    name = "input.face_away"


class VoiceTooShort(InputError):
    name = "input.too_short"


class FileTooLarge(InputError):
    name = "input.too_large"


class VoiceTooLong(InputError):
    name = "input.too_long"


class PictureTooLarge(InputError):
    name = "input.picture_too_large"


class DecodingTooSlow(InputError):
    name = "input.too_slow"


class TooManyStreams(InputError):
    name = "input.too_many_streams"


class NotAFile(InputError):
    name = "input.not_a_file"


class InputGone(InputError):
    name = "input.gone"


class InputStalled(InputError):
    name = "input.stalled"


class MediaCrashed(InputError):
    name = "media.crashed"


class MediaStalled(InputError):
    name = "media.stalled"


class JobMemoryFull(InputError):
    name = "job.memory"
