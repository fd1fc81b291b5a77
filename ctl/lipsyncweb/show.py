"""Pieces of HTML: a job, a file that was looked at, the service; all text of others is escaped."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lipsyncctl import Job
from lipsyncctl.show.job import seconds_left
from lipsyncctl.show.job import story as story_of
from lipsyncctl.show.wording import UNITS as SIZES
from lipsyncctl.show.wording import printable, sentence, size
from lipsyncweb.words import UNITS, words_in

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
RETRYABLE = frozenset({"failed", "cancelled", "expired", "quarantined"})


def drawn(template: str, language: str, **values: Any) -> str:
    """One of the templates, in a language."""
    found = TEMPLATES.get_template(f"{template}.html")
    return found.render(w=words_in(language), printable=printable, **values)


def row(job: Job, language: str, has_picture: bool) -> str:
    """A job in the list."""
    words, left = words_in(language), seconds_left(job)
    facts = [words[job.state]]
    if job.state == "queued" and job.position:
        facts.append(words["place"].format(job.position))
        if job.eta is not None:
            facts.append(words["starts_in"].format(span(job.eta, language)))
    if job.state == "running" and job.total:
        facts.append(f"{100 * job.done // job.total} %")
        facts += [f"{job['fps']:.0f} fps"] if job["fps"] else []
        facts += [words["left"].format(span(left, language))] if left is not None else []
    if job.state == "succeeded" and job["result_bytes"]:
        facts += [
            size(job["result_bytes"]),
            time.strftime("%H:%M", time.localtime(job["ended_at"])),
        ]
    return drawn(
        "job",
        language,
        job=job,
        facts=facts,
        percent=100 * job.done // job.total if job.total else 0,
        why=sentence(job["error"]) if job["error"] else "",
        paused=job.paused if job.state == "queued" else "",
        can_retry=job.state in RETRYABLE,
        has_picture=has_picture,
    )


def story(job: Job, language: str) -> str:
    """What became of a job, and what was noted of it."""
    return drawn("story", language, lines=story_of(job, job.message["changes"]).splitlines())


def span(seconds: float, language: str) -> str:
    """How long, in the largest unit of which there are about two."""
    count, unit = next((each for each in SIZES if seconds >= 1.9 * each[0]), SIZES[-1])
    return f"{max(round(seconds / count), 0)}{UNITS[language][unit]}"


def found(name: str, told: Mapping[str, Any] | None, error: str, language: str, **more: Any) -> str:
    """What a look at a face has told; without it, why there is none, or that it is under way."""
    return drawn(
        "found", language, name=name, facts=facts_of(told, language) if told else [], error=error,
        warnings=told["warnings"] if told else (), **more,
    )  # fmt: skip


def facts_of(told: Mapping[str, Any], language: str) -> list[str]:
    """The length, the size, how many faces there are and how long the result is."""
    words, count = words_in(language), len(told["faces"])
    length = f"{told['seconds']:.1f} s" if told["seconds"] else words["still"]
    faces = words["one_face"] if count == 1 else words["n_faces"].format(count)
    result, took = told["result_seconds"], told["render_seconds"]
    about = [words["about"].format(span(max(took, 1), language))] if took is not None else []
    return [
        length,
        f"{told['width']} × {told['height']}",
        f"{told['rate']:.4g} fps",
        faces,
        *([words["result_of"].format(f"{result:.1f} s")] if result else []),
        *about,
    ]


def inline(picture: bytes, kind: str = "jpeg") -> str:
    """A picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
