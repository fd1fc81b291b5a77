"""An error as an answer over HTTP: its status, and the error as it travels on the wire."""

from starlette.responses import JSONResponse

from lipsyncd.errors import (
    AccessDenied,
    DiskFull,
    FileTooLarge,
    HostError,
    InvalidRequest,
    LipsyncError,
    NoResult,
    QueueError,
    ServerUnreachable,
    UnknownJob,
)

# the first that fits
STATUSES: list[tuple[type[LipsyncError], int]] = [
    (UnknownJob, 404),
    (NoResult, 404),
    (AccessDenied, 403),
    (FileTooLarge, 413),
    (DiskFull, 507),
    (QueueError, 429),
    (ServerUnreachable, 503),
    (HostError, 500),
    (InvalidRequest, 400),
]


def refused(error: LipsyncError) -> JSONResponse:
    """What a browser gets; scripts find the error's name in it."""
    status = next((number for kind, number in STATUSES if isinstance(error, kind)), 409)
    return JSONResponse({"error": error.as_map()}, status)
