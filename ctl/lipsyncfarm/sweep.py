"""What has been kept long enough goes: ended jobs with their results, inputs that no job names."""

import logging

from lipsyncfarm.record import Record
from lipsyncfarm.store import MediaStore

log = logging.getLogger(__name__)

CUT_OFF = 86_400.0  # seconds after which an upload that has not come to its end never will


def sweep(record: Record, store: MediaStore, keep: float, cut_off: float = CUT_OFF) -> None:
    """Any host may do it, and several at once, however its clock goes.  `keep` and `cut_off` are
    seconds."""
    ahead = record.ahead()
    while ended := record.ended_before(keep):
        for id in ended:
            fields = record.of(id) or {}
            if result := fields.get("result"):
                store.remove(result)
            record.forget(id)
            log.info("%s was kept long enough", id, extra={"fields": {"LIPSYNCFARM_JOB_ID": id}})
    for each in store.listed("inputs"):
        is_old = each.age - ahead > keep and not record.is_needed(each.path.rpartition("/")[2])
        if is_old and (store.age(each.path) or 0) - ahead > keep:  # not handed in again meanwhile
            store.remove(each.path)
    for each in store.listed("results"):
        if each.age - ahead > cut_off and not is_published(record, each.path):
            store.remove(each.path)
    store.tidy(cut_off + ahead)


def is_published(record: Record, path: str) -> bool:
    """Whether it is the result of a job, and not of one who held an older fence."""
    fields = record.of(path.rpartition("/")[2].partition(".")[0])
    return bool(fields and fields.get("result") == path)
