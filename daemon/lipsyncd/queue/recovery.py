"""Recovery: jobs and files of an earlier life are put in order; what is not recorded is kept."""

from collections.abc import Mapping

from lipsyncd.protocol.state import State
from lipsyncd.queue.contents import INPUTS, KEPT, RESULT, SPARE
from lipsyncd.queue.spool import Entry, Spool
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import succeeded, tell
from lipsyncd.system.catalog import JOB_RECOVERED, RECORDS_LOST, RESULT_RECOVERED, emit


def recover(store: Store, spool: Spool) -> str:
    """Take over the jobs of an earlier life; a sentence on what was lost of it, mostly none.

    Nothing is lost by a StorageError: the next start goes on from here.
    """
    for each in store.recover():
        store.set_bytes(each.id, spool.bytes_of(each.id, KEPT[each.state]))
        if each.is_ended:
            tell(each)
        else:
            emit(JOB_RECOVERED, "job %s: queued after the daemon died", each.id, job=each)
    unrecorded = sweep(store, spool, store.states())
    for job in store.unmeasured():
        store.set_bytes(job, spool.bytes_of(job))
    return set_aside(spool, unrecorded) if unrecorded else ""


def sweep(store: Store, spool: Spool, states: Mapping[str, State]) -> list[str]:
    """Remove files that have no use any more; the jobs that have files and no record.

    Those were accepted, since only an accepted job has a folder of its name, and a record goes
    after its files.
    """
    unrecorded = []
    for entry in spool.entries():
        state = states.get(entry.job)
        if state is None and entry.is_folder and not entry.is_new:
            unrecorded.append(entry.job)
        elif state is None:
            spool.discard(entry.job)
        elif state is State.QUEUED and is_finished(entry):
            succeed(store, spool, entry.job)
        else:
            spool.accept(entry.job)
            spool.tidy(entry.job, state)
    return unrecorded


def is_finished(entry: Entry) -> bool:
    """Whether the job's success was recorded; an earlier version removed the inputs then."""
    return entry.is_done or (RESULT in entry.names and not entry.names & {*INPUTS})


def succeed(store: Store, spool: Spool, job: str) -> None:
    """Record once more that a job has succeeded: the record of it was lost, the result was not."""
    if begun := store.begin(job):
        ended = succeeded(begun, spool.seal(job), 0.0, spool.bytes_of(job, SPARE))
        store.put(ended)
        text = "job %s: its result was there, and the record of its success was not"
        emit(RESULT_RECOVERED, text, job, job=ended)


def set_aside(spool: Spool, unrecorded: list[str]) -> str:
    """Keep the files of jobs that no record knows; a sentence for who wonders."""
    aside = spool.set_aside(unrecorded)
    jobs = f"{len(unrecorded)} accepted jobs" if len(unrecorded) > 1 else "an accepted job"
    words = f"The store has lost the records of {jobs}; {aside} holds their files."
    emit(RECORDS_LOST, "%s", words, details="\n".join(unrecorded), JOBS=len(unrecorded))
    return words
