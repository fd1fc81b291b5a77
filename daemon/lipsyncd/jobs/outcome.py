"""How a job ends or goes back to the queue, and how the journal tells it."""

import time

from lipsyncd.errors import InputError, LipsyncError
from lipsyncd.host.events import (
    JOB_CANCELLED,
    JOB_FAILED,
    JOB_FAILED_BY_INPUT,
    JOB_FINISHED,
    JOB_REQUEUED,
    emit,
)
from lipsyncd.jobs.job import Job, State, move


def succeeded(job: Job, size: int) -> Job:
    """The job with a result of `size` bytes."""
    return move(job, State.SUCCEEDED, ended_at=time.time(), result_bytes=size)


def failed(job: Job, error: LipsyncError) -> Job:
    """The job with the error that it met."""
    return move(job, State.FAILED, ended_at=time.time(), error=error.as_map())


def cut_short(job: Job, verdict: State) -> Job:
    """The job that was told to stop: CANCELLED, or back to QUEUED."""
    if verdict is not State.QUEUED:
        return move(job, verdict, ended_at=time.time())
    # an attempt that the daemon itself broke off says nothing against the job
    untouched = {"attempts": job.attempts - 1, "started_at": None, "fps": 0.0}
    return move(job, State.QUEUED, done=0, total=0, faces=0, **untouched)


def tell(job: Job, cause: Exception | None = None) -> None:
    """One entry on how it ended; `cause` is what broke, where it was our fault."""
    match job.state:
        case State.SUCCEEDED:
            _tell_success(job)
        case State.FAILED:
            _tell_failure(job, cause)
        case State.CANCELLED:
            emit(JOB_CANCELLED, "job %s: cancelled%s", job.id, _so_far(job), job=job)
        case State.QUEUED:
            emit(JOB_REQUEUED, "job %s: back in the queue", job.id, job=job)


def _tell_success(job: Job) -> None:
    seconds = (job.ended_at or 0.0) - (job.started_at or 0.0)
    text = "job %s: done, %d frames in %.1f s (%.0f fps)"
    figures = {"FRAMES": job.done, "FPS": job.fps, "RENDER_MS": round(1000 * seconds)}
    emit(JOB_FINISHED, text, job.id, job.done, seconds, job.fps, job=job, **figures)


def _tell_failure(job: Job, cause: Exception | None) -> None:
    error = LipsyncError.from_map(job.error or {})
    event = JOB_FAILED_BY_INPUT if isinstance(error, InputError) else JOB_FAILED
    text = "job %s: failed, %s: %s"
    emit(event, text, job.id, error.name, error.message, job=job, cause=cause, FRAMES=job.done)


def _so_far(job: Job) -> str:
    return f" after {job.done} of {job.total} frames" if job.started_at else " before it ran"
