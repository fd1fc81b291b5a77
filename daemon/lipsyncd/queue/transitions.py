"""How a job begins, ends or goes back to the queue, and how the journal tells it."""

from dataclasses import replace
from typing import Any

from lipsyncd.errors import InputError, JobExpired, JobForsaken, LipsyncError
from lipsyncd.protocol.ids import new_id
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncd.system.catalog import (
    JOB_CANCELLED,
    JOB_EXPIRED,
    JOB_FAILED,
    JOB_FAILED_BY_INPUT,
    JOB_FINISHED,
    JOB_REQUEUED,
    emit,
)
from lipsyncd.system.clock import now

PLAIN = Terms()
TOLERANCE = 2.0  # seconds; a clock that is set by more is noticed (host/clock.py)


def new_job(owner: int, face: str, voice: str, options: Options, terms: Terms = PLAIN) -> Job:
    """A queued job of this moment, under a new id."""
    name, moment = new_id(), now()
    return Job(
        name,
        owner,
        face,
        voice,
        options,
        created_at=moment,
        queued_at=moment,
        priority=Priority(terms.priority),
        key=terms.key,
        expires_at=None if terms.expires is None else moment + terms.expires,
        max_runtime=terms.max_runtime,
        label=terms.label or "",
        after=terms.after,
    )


def succeeded(job: Job, size: int, seconds: float, spare: int = 0) -> Job:
    """The job with a result of `size` bytes, after a render of so many seconds; `spare` are the
    bytes that are kept beside the result."""
    taken = {"result_bytes": size, "spool_bytes": size + spare}
    return move(job, State.SUCCEEDED, **taken, **_times(job, seconds))


def failed(job: Job, error: LipsyncError, seconds: float) -> Job:
    """The job with the error that its render met after so many seconds."""
    return move(job, State.FAILED, error=error.as_map(), **_times(job, seconds))


def cancelled(job: Job) -> Job:
    """The job, which leaves no result; its inputs stay for a retry."""
    return move(job, State.CANCELLED, ended_at=now())


def expired(job: Job, why: str, hint: str = "Submit it again with more time.") -> Job:
    """The job that was not done in time; `why` says in time for what."""
    error = JobExpired(why, hint)
    return move(job, State.EXPIRED, ended_at=now(), error=error.as_map())


def overdue(job: Job) -> Job:
    """The job that waited, or was rendered, for too long."""
    return expired(job, "It had not ended when the time of its expires was up.")


def forsaken(job: Job) -> Job:
    """The job that was to come after one that did not succeed."""
    words = f"Job {job.after}, after which it was to come, did not succeed."
    error = JobForsaken(words, "Retry it if it is of use without that one.")
    return move(job, State.FAILED, ended_at=now(), error=error.as_map())


def requeued(job: Job) -> Job:
    """The job as it was before its render, which says nothing against it."""
    return replace(interrupted(job), attempts=job.attempts - 1)


def turned(job: Job) -> Job:
    """The job as the last of its user's, until it is its turn again to go on."""
    return move(job, State.QUEUED, attempts=job.attempts - 1, queued_at=now())


def interrupted(job: Job) -> Job:
    """The job before its next render; the one that did not come to an end counts."""
    return move(job, State.QUEUED, started_at=None, done=0, total=0, faces=0, fps=0.0, notes=())


def tell(job: Job, cause: Exception | None = None) -> None:
    """One entry on how it ended; `cause` is what broke, where it was our fault."""
    match job.state:
        case State.SUCCEEDED:
            _tell_success(job)
        case State.FAILED:
            _tell_failure(job, cause)
        case State.CANCELLED:
            emit(JOB_CANCELLED, "job %s: cancelled%s", job.id, _so_far(job), job=job)
        case State.EXPIRED:
            text = "job %s: expired%s: %s"
            emit(JOB_EXPIRED, text, job.id, _so_far(job), (job.error or {})["message"], job=job)
        case State.QUEUED:
            emit(JOB_REQUEUED, "job %s: back in the queue", job.id, job=job)


def _times(job: Job, seconds: float) -> dict[str, Any]:
    """Both ends of a render; by the clock of this moment, if that was set meanwhile."""
    ended = now()
    started = ended - seconds
    is_same = job.started_at is not None and abs(started - job.started_at) < TOLERANCE
    return {"started_at": job.started_at if is_same else started, "ended_at": ended}


def _tell_success(job: Job) -> None:
    seconds = (job.ended_at or 0.0) - (job.started_at or 0.0)
    text = "job %s: done, %d frames in %.1f s (%.0f fps)"
    figures: dict[str, Any] = {"FRAMES": job.done, "FPS": job.fps}
    figures["RENDER_MS"] = round(1000 * seconds)
    emit(JOB_FINISHED, text, job.id, job.done, seconds, job.fps, job=job, **figures)


def _tell_failure(job: Job, cause: Exception | None) -> None:
    error = LipsyncError.from_map(job.error or {})
    event = JOB_FAILED_BY_INPUT if isinstance(error, InputError) else JOB_FAILED
    text = "job %s: failed, %s: %s"
    emit(event, text, job.id, error.name, error.message, job=job, cause=cause, FRAMES=job.done)


def _so_far(job: Job) -> str:
    return f" after {job.done} of {job.total} frames" if job.started_at else " before it ran"
