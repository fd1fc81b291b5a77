"""The report on a result: one page of HTML that needs nothing beside itself."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from lipsyncctl.show.curves import curves
from lipsyncctl.show.description import chosen
from lipsyncctl.show.job import frames
from lipsyncctl.show.wording import clock as time_of_day
from lipsyncctl.show.wording import size
from lipsyncd.protocol.moment import clock
from lipsyncd.protocol.probe import Sync
from lipsyncd.protocol.review import Moment, Review

TEMPLATE = Path(__file__).with_name("report.html")

Job = Mapping[str, Any]
Changes = Sequence[Mapping[str, Any]]


def report(job: Job, changes: Changes, review: Review) -> str:
    """The page.  Whatever comes from a file or a user is escaped."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    has_before = any(each.before for each in review.moments)
    return template.substitute(
        title=escape(f"{job['face']} with {job['voice']}"),
        subtitle=escape(f"job {job['id']}, {time_of_day(job['ended_at'])}, {size_of(job)}"),
        figures="".join(figures(job, review)),
        moments_title="Handed in, and made of it" if has_before else "The result",
        moments="".join(map(figure, review.moments)),
        curves=curves(review),
        stages="".join(rows(stages(job, changes, review))),
        notes="".join(f"<li>{escape(each)}</li>" for each in notes(job, review)),
    )


def size_of(job: Job) -> str:
    """12.3 MiB, crf 20"""
    return ", ".join([size(job["result_bytes"]), *chosen(job)])


def figures(job: Job, review: Review) -> Iterator[str]:
    """What is to be known at a glance."""
    share = job["faces"] / job["total"]
    yield card("Sound and lips", *synced(review.sync))
    yield card("New mouth", f"{share:.0%}".replace("%", " %"), f"of {job['total']} frames")
    yield card("Length", f"{review.seconds:.1f} s", f"at {review.rate:.5g} frames a second")
    took = job["ended_at"] - job["started_at"]
    yield card("Rendered", f"in {took:.1f} s", f"{job['fps']:.0f} frames a second")


def synced(sync: Sync | None) -> tuple[str, str, str]:
    """In words, the score, and whether that is good or bad; both may be unknown."""
    if sync is None:
        return "unknown", "there is too little speech, or nothing fits clearly best", ""
    score = f"sync score {sync.cosine:.2f} (of real clips 0.2 to 0.8)"
    if sync.is_in_sync:
        return "in sync", f"{apart(sync)}, {score}", "good"
    return "out of sync", f"{apart(sync)}, {score}", "bad"


def apart(sync: Sync) -> str:
    """the sound is 40 ms early"""
    if not sync.offset_ms:
        return "to the next 40 ms"
    return f"the sound is {abs(sync.offset_ms)} ms {'late' if sync.offset_ms > 0 else 'early'}"


def card(name: str, value: str, more: str, mood: str = "") -> str:
    """One figure."""
    words = f'<dd class="{mood}">{escape(value)} <small>{escape(more)}</small></dd>'
    return f"<div><dt>{escape(name)}</dt>{words}</div>"


def figure(moment: Moment) -> str:
    """What was handed in, beside what was made of it."""
    both = [("before", moment.before), ("after", moment.after)]
    shown = "".join(picture(name, jpeg) for name, jpeg in both if jpeg)
    words = escape(f"{clock(moment.at)}  {moment.why}")
    return f"<figure><div>{shown}</div><figcaption>{words}</figcaption></figure>"


def picture(name: str, jpeg: bytes) -> str:
    """In the page itself."""
    data = b64encode(jpeg).decode()
    return f'<span><img alt="{name}" src="data:image/jpeg;base64,{data}"><b>{name}</b></span>'


def stages(job: Job, changes: Changes, review: Review) -> list[tuple[str, float]]:
    """What was done with the job, one after the other, and for how many seconds."""
    told = changes or [
        {"at": job["created_at"], "state": "queued"},
        {"at": job["started_at"], "state": "running"},
    ]
    ends = [each["at"] for each in told[1:]] + [job["ended_at"]]
    spans = [
        (each["state"], max(end - each["at"], 0.0)) for each, end in zip(told, ends, strict=True)
    ]
    waited, *_ = [seconds for state, seconds in spans if state == "queued"] or [0.0]
    gave_way = sum(seconds for state, seconds in spans if state == "queued") - waited
    rendered = sum(seconds for state, seconds in spans if state == "running")
    found = [("It waited", waited)]
    if review.looking_seconds is None:
        found.append(("It was rendered", rendered))
    else:
        looked = min(review.looking_seconds, rendered)
        found.append(("The face was looked at, the voice was heard", looked))
        found.append(("Frames were made, encoded and joined", rendered - looked))
    return [
        *found,
        *([("It waited once more, as others came first", gave_way)] if gave_way else []),
    ]


def rows(found: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Each with a bar."""
    longest = max((seconds for _, seconds in found), default=0.0) or 1.0
    for words, seconds in found:
        bar = f'<td class="bar"><i style="width:{100 * seconds / longest:.1f}%"></i></td>'
        number = f'<td class="number">{seconds:.1f} s</td>'
        yield f"<tr><th>{escape(words)}</th>{number}{bar}</tr>"


def notes(job: Job, review: Review) -> Iterator[str]:
    """Sentences of the job, then of the review."""
    yield f"{frames(job)}."
    yield from job.get("notes") or []
    if review.looked_seconds < review.seconds - 0.1:
        yield f"Only the first {review.looked_seconds:.0f} s of the result were looked at here."
    yield from review.missing
