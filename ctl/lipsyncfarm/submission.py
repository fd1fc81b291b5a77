"""Handing a job to a farm: its files go to the store once, by content; then it has a record."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from celery import Celery

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.key import made_up_key
from lipsyncctl.client.outage import AWAY, given_up, persistent
from lipsyncctl.client.session import Notice
from lipsyncctl.client.submit import AcceptanceUnknown, Media, Source, name_of, open_input
from lipsyncd.errors import AccessDenied, InputGone, KeyTaken, QueueFull, ServerUnreachable
from lipsyncd.protocol.ids import new_id
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncfarm import identity, tickets
from lipsyncfarm.config import Farm
from lipsyncfarm.record import Record
from lipsyncfarm.spec import Input, Spec, hash_of
from lipsyncfarm.store import MediaStore

HOUR = 3600.0
SOON = 10_000  # ms after which a full queue may have room


def spec_of(
    farm: Farm, store: MediaStore, media: Media, options: Mapping[str, Any], terms: dict[str, Any]
) -> Spec:
    """What is handed in; its files are in the store then.

    Raises InvalidRequest, AccessDenied, what a file raises, and what the store raises.
    """
    Options.from_map(options)
    if Terms.from_map(terms).priority == Priority.HIGH and farm.user not in farm.admins:
        raise AccessDenied("High priority is for admins of the farm.", "Choose normal or low.")
    work = [media.work] if media.work else []
    kinds = ["face", *["voice"] * len(media.voices), *["picture"] * len(media.pictures), "work"]
    files = [media.face, *media.voices, *media.pictures, *work]
    inputs = [uploaded(farm, store, *each) for each in zip(files, kinds, strict=False)]
    named = {"key": terms.get("key") or made_up_key()}
    made = Spec(farm.user, tuple(inputs), len(media.voices), dict(options), terms | named)
    return Spec.loads(made.dumps())  # as it will be compared


def uploaded(farm: Farm, store: MediaStore, source: Source, kind: str) -> Input:
    """A file, which is in the store, and will not be swept soon."""
    with open_input(source) as descriptor:
        found = Input(name_of(source, kind), *hash_of(descriptor))
        age = store.age(found.path)
        if age is None or age > HOUR * farm.keep_hours / 2:
            with os.fdopen(os.dup(descriptor), "rb") as file:
                store.put(found.path, file)
    return found


def again(store: MediaStore, id: str, spec: Spec) -> Spec:
    """The same job once more.  Raises InputGone if the store has its files no more."""
    for each in spec.inputs:
        if store.age(each.path) is None:
            raise InputGone(f"{each.name} is in the store no more.", "Submit it anew.")
    terms = {name: spec.terms[name] for name in ("priority", "max_runtime") if name in spec.terms}
    named = {"key": made_up_key()}
    return Spec(spec.user, spec.inputs, spec.voices, spec.options, terms | named, retry_of=id)


def accepted(record: Record, app: Celery, spec: Spec, notice: Notice) -> str:
    """The job's id, once it has a record; the same key is the same job.

    Raises QueueFull, KeyTaken, AccessDenied, AcceptanceUnknown and what Redis raises.
    """
    id, text = new_id(), spec.dumps()
    signature = identity.signature_of(record.farm, id, text)
    try:
        said, value = persistent(
            lambda: record.submit(id, spec, text, signature), notice, Deadline()
        )
    except AWAY as error:
        hint = f"It may have taken the job; the key {spec.key} repeats this without a second one."
        unknown = AcceptanceUnknown(error.message, given_up(error, hint).hint)
        unknown.key = str(spec.key)
        raise unknown from error
    if said != "accepted":
        raise full(f"{value} jobs {said} wait in the farm already.")
    if value != id:
        refuse_other(record, value, spec)
    with suppress(ServerUnreachable):  # the hosts see that one is missing
        tickets.send(app)
    return value


def refuse_other(record: Record, id: str, spec: Spec) -> None:
    """Raise KeyTaken if another job is meant by the same key."""
    fields = record.of(id)
    if fields and not Spec.loads(fields["spec"]).is_same(spec):
        raise KeyTaken(
            f"This key is that of job {id}, which has other files or options.",
            "Give each job a key of its own.",
        )


def full(words: str) -> QueueFull:
    """No more for now."""
    error = QueueFull(words, "Wait until some of them have ended.")
    error.retry_after_ms = SOON
    return error
