"""Jobs come in: new ones, and old ones once more."""

from dataclasses import replace

from lipsyncd.errors import InvalidRequest, JobForsaken
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.redo import Redo
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncd.protocol.values import Values, text
from lipsyncd.protocol.wire import HINT
from lipsyncd.queue.transitions import new_job
from lipsyncd.server.request import Reply, Request
from lipsyncd.system.catalog import JOB_ACCEPTED, emit

MAX_NAME = 255  # characters of a file's name
# of names for display; nothing is ever opened by one
NAMES = text(f".{{1,{MAX_NAME}}}", "is not a file's name", "Send its last part.")
MORE = Values(lambda names: all(map(NAMES.__contains__, names)), "is not a list of files' names")
MIB = 1 << 20


def on_submit(request: Request) -> Reply:
    """On return the job is on disk for good: its inputs first, then its place in the queue."""
    face, voice = (request.field(name, str, values=NAMES) for name in ("face", "voice"))
    voices = [voice, *request.field("voices", list, [], MORE)]
    options = Options.from_map(request.body.get("options", {}))
    has_work = request.field("work", bool, default=False)
    assert request.inputs  # as many descriptors came as DESCRIPTORS says
    refuse_uneven(request.inputs.count - has_work, len(voices), options)
    terms = Terms.from_map(request.body.get("terms", {}))
    if terms.priority == Priority.HIGH:
        request.require_admin("submit with high priority")
    user = request.user(terms.label)
    if terms.after is not None:
        terms = replace(terms, after=awaited(request, terms.after))
    job = new_job(user.uid, face, ", ".join(voices), options, terms)
    before = request.controlplane.store.count(State.QUEUED)  # nothing may fail once it is accepted
    admission = request.controlplane.admission
    accepted = admission.submit(job, request.inputs, has_work=has_work)
    if accepted.id == job.id:  # not one that its key brought back
        _tell_accepted(request, accepted, before + 1)
    return Reply("accepted", {"job": request.controlplane.updates.newest(accepted).as_map()})


def awaited(request: Request, wanted: str) -> str:
    """The id of the job after which another one is to come; JobForsaken if it did not succeed."""
    first = request.job_of(request.whole_id(wanted))
    if first.is_ended and first.state is not State.SUCCEEDED:
        raise JobForsaken(f"{first}, and nothing comes after it.", "Retry that one first.")
    return first.id


def refuse_uneven(files: int, voices: int, options: Options) -> None:
    """Raise InvalidRequest unless there is a file for the face, each voice and each picture, and
    somebody to speak each voice."""
    pictures = options.pictures
    if files != 1 + voices + pictures:
        raise InvalidRequest(
            f"There are {files} descriptors for a face, {voices} voices and {pictures} pictures.",
            HINT,
        )
    if len(options.places) != voices:
        raise InvalidRequest(
            f"There are {voices} voices, and who names {len(options.places)} of those who speak.",
            "Say for each voice whose lips follow it.",
        )
    if len(options.tracks) not in (0, 1, voices):
        raise InvalidRequest(
            f"There are {voices} voices, and voice_track names {len(options.tracks)} tracks.",
            "Name one for all voices, or one for each.",
        )


def on_retry(request: Request) -> Reply:
    before = request.controlplane.store.count(State.QUEUED)
    admission, old = request.controlplane.admission, request.job()
    if "redo" in request.body:
        job = admission.redo(old, Redo.from_map(request.body.get("redo")))
    else:
        job = admission.retry(old)
    _tell_accepted(request, job, before + 1)
    return Reply("accepted", {"job": job.as_map()})


def _tell_accepted(request: Request, job: Job, queued: int) -> None:
    """Without the names of the files: others than their owner may read the journal."""
    emit(
        JOB_ACCEPTED,
        # no names of files: everybody who may read the journal would see them
        "job %s: accepted, %.1f MiB, %d queued",
        *(job.id, job.spool_bytes / MIB, queued),
        job=job,
        BYTES=job.spool_bytes,
        PEER_PID=request.peer.pid,
        REQUEST_ID=request.number,
        QUEUE_DEPTH=queued,
    )
