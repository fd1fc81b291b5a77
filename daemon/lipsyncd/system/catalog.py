"""What the journal tells by name: each event with its id and its priority.

`journalctl MESSAGE_ID=...` finds an event, `journalctl LIPSYNCD_JOB_ID=...` the story of a job, and
`journalctl -p err` what an operator has to look at, and nothing else. The ids never change; what
they mean is told at length in systemd/lipsyncd.catalog.
"""

import logging
from dataclasses import dataclass, replace
from uuid import NAMESPACE_DNS, uuid5

from lipsyncd.protocol.job import Job
from lipsyncd.system.journal import NOTICE

log = logging.getLogger("lipsyncd")


@dataclass(frozen=True)
class Entry:
    """A kind of event; `level` is one of logging, or NOTICE."""

    name: str
    level: int

    @property
    def id(self) -> str:
        """Its MESSAGE_ID: made from the name, so the same everywhere."""
        return uuid5(NAMESPACE_DNS, f"lipsyncd/{self.name}").hex


READY = Entry("READY", NOTICE)
MODEL_LOADED = Entry("MODEL_LOADED", logging.INFO)
LOAD_FAILED = Entry("LOAD_FAILED", logging.CRITICAL)
RELOADED = Entry("RELOADED", NOTICE)
DRAIN_BEGIN = Entry("DRAIN_BEGIN", NOTICE)
DRAIN_END = Entry("DRAIN_END", NOTICE)

JOB_ACCEPTED = Entry("JOB_ACCEPTED", logging.INFO)
JOB_STARTED = Entry("JOB_STARTED", logging.INFO)
JOB_CONTINUED = Entry("JOB_CONTINUED", logging.INFO)
JOB_HELD = Entry("JOB_HELD", logging.INFO)
JOB_RELEASED = Entry("JOB_RELEASED", logging.INFO)
JOB_MOVED = Entry("JOB_MOVED", logging.INFO)
JOB_FINISHED = Entry("JOB_FINISHED", logging.INFO)
JOB_FAILED = Entry("JOB_FAILED", logging.ERROR)
JOB_FAILED_BY_INPUT = replace(JOB_FAILED, level=NOTICE)  # nothing an operator could mend
JOB_CANCELLED = Entry("JOB_CANCELLED", logging.INFO)
JOB_EXPIRED = Entry("JOB_EXPIRED", logging.INFO)
JOB_REQUEUED = Entry("JOB_REQUEUED", logging.INFO)
JOB_RECOVERED = Entry("JOB_RECOVERED", NOTICE)
JOB_REJECTED_QUEUE_FULL = Entry("JOB_REJECTED_QUEUE_FULL", NOTICE)
JOBS_CLEANED = Entry("JOBS_CLEANED", logging.INFO)
QUEUE_DRAINED = Entry("QUEUE_DRAINED", NOTICE)
QUEUE_RESUMED = Entry("QUEUE_RESUMED", NOTICE)

GPU_OOM = Entry("GPU_OOM", logging.WARNING)
GPU_LOST = Entry("GPU_LOST", logging.CRITICAL)
DEVICE_RESTARTED = Entry("DEVICE_RESTARTED", NOTICE)
TEMPLATE_RESTARTED = Entry("TEMPLATE_RESTARTED", logging.WARNING)
RENDER_CRASHED = Entry("RENDER_CRASHED", logging.WARNING)
RENDER_STALLED = Entry("RENDER_STALLED", logging.WARNING)
CAGE_OPEN = Entry("CAGE_OPEN", logging.WARNING)
WARM_PASS_SLOW = Entry("WARM_PASS_SLOW", logging.WARNING)
STATE_CORRUPT = Entry("STATE_CORRUPT", logging.CRITICAL)
RECORDS_LOST = Entry("RECORDS_LOST", logging.CRITICAL)
RESULT_RECOVERED = Entry("RESULT_RECOVERED", logging.WARNING)
CRASHED = Entry("CRASHED", logging.CRITICAL)
DISK_FULL = Entry("DISK_FULL", logging.ERROR)
CLOCK_SET = Entry("CLOCK_SET", NOTICE)

PROTOCOL_ERROR = Entry("PROTOCOL_ERROR", NOTICE)
AUTH_DENIED = Entry("AUTH_DENIED", logging.WARNING)


def emit(
    event: Entry,
    text: str,
    *values: object,
    job: Job | None = None,
    cause: BaseException | None = None,
    details: str = "",
    **fields: object,
) -> None:
    """One entry.  `text` takes `values` as in logging; `fields` become LIPSYNCD_NAME.

    A `job` adds the fields that tell its story; lines of `details` and the traceback of `cause` go
    with the text.
    """
    named = {"EVENT": event.name, **(_fields_of(job) if job else {}), **fields}
    entry = {f"LIPSYNCD_{name}": str(value) for name, value in named.items()}
    extra = {"fields": {"MESSAGE_ID": event.id, **entry}, "details": details}
    log.log(event.level, text, *values, exc_info=cause, extra=extra, stacklevel=2)


def _fields_of(job: Job) -> dict[str, object]:
    fields = {"JOB_ID": job.id, "OWNER_UID": job.owner, "STATE": job.state, "ATTEMPT": job.attempts}
    return fields | ({"ERROR": job.error["name"]} if job.error else {})
