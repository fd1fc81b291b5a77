"""Failures of what was asked: the request has to change, or to come later."""

from lipsyncd.errors.base import LipsyncError


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


class KeyTaken(RequestError):
    name = "request.key_taken"
    code = 2


class AccessDenied(RequestError):
    name = "auth.denied"
    code = 9


class UnknownJob(RequestError):
    name = "job.unknown"
    code = 5


class JobNotEnded(RequestError):
    name = "job.not_ended"


class JobNotQueued(RequestError):
    name = "job.not_queued"


class NoResult(RequestError):
    name = "job.no_result"


class JobEnded(RequestError):
    name = "job.ended"


class JobForsaken(RequestError):
    name = "job.forsaken"


class JobExpired(RequestError):
    name = "job.expired"
    code = 3


class NotRetryable(RequestError):
    name = "job.not_retryable"


class EventsGone(RequestError):
    name = "events.gone"


class QueueError(LipsyncError):
    """The daemon takes nothing more for now."""

    code = 6
    retryable = True


class QueueFull(QueueError):
    name = "queue.full"


class QueueDraining(QueueError):
    name = "queue.draining"


class QueueWarming(QueueError):
    name = "queue.warming"


class SessionsFull(QueueError):
    name = "sessions.full"
