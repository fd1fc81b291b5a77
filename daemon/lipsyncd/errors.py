"""Every failure a client or an operator may see: its name, whose it is, and what to do next."""

from collections.abc import Iterator, Mapping
from typing import Self


class LipsyncError(Exception):
    """A failure with a name on the wire.

    `message` is one sentence that tells what happened, `hint` one that tells what to do next.
    `code` is the exit code a program ends with; `retryable` says that the same request may
    succeed later. Subclasses are grouped by who has to act.
    """

    name: str = "internal"
    code: int = 70
    retryable: bool = False

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_map(self) -> dict[str, object]:
        """The error as it travels: code, name, message, hint, retryable."""
        fields = ("code", "name", "message", "hint", "retryable")
        return {name: getattr(self, name) for name in fields}

    @classmethod
    def from_map(cls, fields: Mapping[str, object]) -> "LipsyncError":
        """The error a map describes; a name this version does not know stays a LipsyncError."""
        name = str(fields.get("name", "internal"))
        family = BY_NAME.get(name, LipsyncError)
        error = family(str(fields.get("message", "")), str(fields.get("hint", "")))
        if family is LipsyncError:
            error.name = name
            code = fields.get("code")
            error.code = code if isinstance(code, int) else cls.code
            error.retryable = fields.get("retryable") is True
        return error

    @classmethod
    def family(cls) -> Iterator[type[Self]]:
        """Every class below this one that has a name of its own."""
        for child in cls.__subclasses__():
            if "name" in vars(child):
                yield child
            yield from child.family()


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


class VoiceTooShort(InputError):
    name = "input.too_short"


class FileTooLarge(InputError):
    name = "input.too_large"


class NotAFile(InputError):
    name = "input.not_a_file"


class InputGone(InputError):
    name = "input.gone"


class RequestError(LipsyncError):
    """The client asked for something that cannot be done as asked."""

    code = 1


class ProtocolError(RequestError):
    """What came over the wire is not what this version speaks."""

    code = 76


class MalformedMessage(ProtocolError):
    name = "proto.malformed"


class MessageTooLarge(ProtocolError):
    name = "proto.too_large"


class VersionMismatch(ProtocolError):
    name = "proto.version"


class UnsupportedVerb(ProtocolError):
    name = "proto.unsupported"


class InvalidRequest(RequestError):
    name = "request.invalid"
    code = 2


class AccessDenied(RequestError):
    name = "auth.denied"
    code = 9


class UnknownJob(RequestError):
    name = "job.unknown"
    code = 5


class JobNotEnded(RequestError):
    name = "job.not_ended"


class NoResult(RequestError):
    name = "job.no_result"


class JobEnded(RequestError):
    name = "job.ended"


class JobQuarantined(RequestError):
    name = "job.quarantined"
    code = 4


class QueueError(LipsyncError):
    """The daemon takes nothing more for now."""

    code = 6
    retryable = True


class QueueFull(QueueError):
    name = "queue.full"


class QueueDraining(QueueError):
    name = "queue.draining"


class SessionsFull(QueueError):
    name = "sessions.full"


class HostError(LipsyncError):
    """The machine, its files or its configuration; the operator has to act."""


class DiskFull(HostError):
    name = "disk.full"
    code = 74
    retryable = True


class CheckpointMissing(HostError):
    name = "checkpoint.missing"
    code = 66


class CheckpointInvalid(HostError):
    name = "checkpoint.invalid"
    code = 66


class ConfigInvalid(HostError):
    name = "config.invalid"
    code = 78


class UsageError(HostError):
    name = "usage"
    code = 64


class DeviceUnavailable(HostError):
    name = "device.unavailable"
    code = 69


class WarmUpFailed(HostError):
    name = "warmup.failed"
    code = 70


class DeviceLost(HostError):
    name = "gpu.lost"
    code = 74


class DeviceMemoryFull(HostError):
    name = "gpu.oom"
    code = 74
    retryable = True


class StateBusy(HostError):
    name = "state.busy"
    code = 75


class StateNewer(HostError):
    name = "state.newer"
    code = 78


class StateCorrupt(HostError):
    name = "state.corrupt"


class InternalError(HostError):
    name = "internal"


class ServerUnreachable(HostError):
    name = "server.unreachable"
    code = 7


BY_NAME = {error.name: error for error in LipsyncError.family()}
