"""A record as the Job that lipsyncctl knows, with the fields of the protocol."""

import json
import os
from collections.abc import Mapping
from typing import Any

from lipsyncctl import Job
from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import PHRASES, State
from lipsyncfarm.config import Farm
from lipsyncfarm.spec import Input, Spec

NOBODY = 65534  # the uid of users of other hosts
NONE = {"done": 0, "total": 0, "faces": 0, "fps": 0.0, "notes": []}

Message = dict[str, Any]


def job_of(farm: Farm, verb: str, id: str, fields: Mapping[str, str], **more: Any) -> Job:
    """A job, as it is told with this verb."""
    return Job({"verb": verb, "job": map_of(farm, id, fields), **more})


def map_of(farm: Farm, id: str, fields: Mapping[str, str]) -> Message:
    """A job as the protocol has it; beside that its `user`, its `host` and its `failures`."""
    spec = spec_of(fields)
    created = seconds_of(fields, "created_at") or 0.0
    expires, size = spec.terms.get("expires"), fields.get("result_bytes")
    return {
        "id": id,
        "owner": os.getuid() if spec.user == farm.user else NOBODY,
        "user": spec.user,
        "face": spec.inputs[0].name,
        "voice": ", ".join(each.name for each in spec.inputs[1 : 1 + spec.voices]),
        "options": Options.from_map(spec.options).as_map(),
        "created_at": created,
        "state": fields["state"],
        "attempts": int(fields.get("attempts", 0)),
        "started_at": seconds_of(fields, "started_at"),
        "ended_at": seconds_of(fields, "ended_at"),
        **progress_of(fields),
        "error": json.loads(fields["error"]) if fields.get("error") else None,
        "result_bytes": int(size) if size else None,
        "priority": spec.priority,
        "key": spec.key,
        "expires_at": created + expires if expires else None,
        "max_runtime": spec.terms.get("max_runtime"),
        "retry_of": spec.retry_of,
        "spool_bytes": sum(each.size for each in spec.inputs),
        "host": fields.get("host"),
        "failures": json.loads(fields.get("failures", "[]")),
    }


def spec_of(fields: Mapping[str, str]) -> Spec:
    """What was handed in; of what is no job, which hosts refuse, no more than who did it."""
    try:
        return Spec.loads(fields["spec"])
    except InvalidRequest:
        return Spec(fields["user"], (Input("?", "0" * 64, 0),), 0, {}, {})


def phrase_of(id: str, state: str) -> str:
    """For a sentence: Job k3... has failed"""
    return f"Job {id} {PHRASES[State(state)]}"


def progress_of(fields: Mapping[str, str]) -> Message:
    """How far it is."""
    progress: Message = json.loads(fields.get("progress") or "{}")
    return NONE | progress


def seconds_of(fields: Mapping[str, str], name: str) -> float | None:
    """A moment in Unix seconds, by the clock of Redis."""
    found = fields.get(name)
    return int(found) / 1000 if found else None
