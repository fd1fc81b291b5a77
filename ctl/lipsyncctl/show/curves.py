"""The curves of a report: what is heard, and below it how far the lips are open, as SVG."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from lipsyncd.protocol.moment import clock
from lipsyncd.protocol.review import Review

WIDTH, VOICE, LIPS = 1000, 100, 100  # in units of the drawing; of the halves their height
GAP = 8  # between them
WIDE_OPEN = 0.15  # what fills the height, at least
TICKS = 5  # spaces between times below it


def curves(review: Review) -> str:
    """All of them over one axis of time."""
    seconds = review.looked_seconds or 1.0

    def at(second: float) -> float:
        return round(WIDTH * second / seconds, 1)

    height = VOICE + GAP + LIPS
    parts = [
        *(
            f'<rect class="gap" x="{at(gap.start)}" y="0" width="{at(gap.end - gap.start)}" '
            f'height="{height}"/>'
            for gap in review.gaps
        ),
        voice(review.loudness),
        *lips(review.opening),
        *(upright("cut", at(cut), height) for cut in review.cuts),
        *(upright("moment", at(moment.at), height) for moment in review.moments),
    ]
    label = "The voice over time, and below it how far the lips are open"
    drawing = f'<svg class="curves" role="img" aria-label="{label}" preserveAspectRatio="none" '
    times = "".join(f"<span>{clock(seconds * n / TICKS)}</span>" for n in range(TICKS + 1))
    return (
        f'{drawing}viewBox="0 0 {WIDTH} {height}">{"".join(parts)}</svg>'
        f'<div class="axis">{times}</div><p class="key faint">{"".join(key(review))}</p>'
    )


def key(review: Review) -> Iterator[str]:
    """What means what, of what is there."""
    yield '<span><i style="background:var(--voice)"></i> voice</span>'
    yield '<span><i style="background:var(--lips)"></i> lip opening</span>'
    if review.gaps:
        yield '<span><i style="background:var(--gap)"></i> left as it was</span>'
    yield "<span>│ shown above</span>"
    if review.cuts:
        yield "<span>┆ a shot begins</span>"


def voice(loudness: Sequence[float]) -> str:
    """As loud up as down."""
    middle, most = VOICE / 2, max(loudness, default=0) or 1.0
    xs = places(len(loudness))
    up = [
        f"{x},{middle - value / most * middle:.1f}" for x, value in zip(xs, loudness, strict=True)
    ]
    down = [
        f"{x},{middle + value / most * middle:.1f}" for x, value in zip(xs, loudness, strict=True)
    ]
    return f'<polygon class="voice" points="{" ".join([*up, *reversed(down)])}"/>'


def lips(opening: Sequence[float | None]) -> Iterator[str]:
    """One for each stretch in which lips are to be seen."""
    bottom = VOICE + GAP + LIPS
    most = max(WIDE_OPEN, *(value for value in opening if value is not None), 0.0)
    pairs = zip(places(len(opening)), opening, strict=True)
    for is_seen, stretch in groupby(pairs, lambda pair: pair[1] is not None):
        if is_seen:
            points = [(x, bottom - (value or 0.0) / most * LIPS) for x, value in stretch]
            line = " ".join(f"{x},{y:.1f}" for x, y in points)
            ends = f"{points[-1][0]},{bottom} {points[0][0]},{bottom}"
            yield f'<polygon class="lips" points="{line} {ends}"/>'


def places(count: int) -> list[float]:
    """Of the middles of so many frames."""
    return [round(WIDTH * (number + 0.5) / count, 1) for number in range(count)]


def upright(kind: str, x: float, height: float) -> str:
    """A line from top to bottom."""
    return f'<line class="{kind}" x1="{x}" y1="0" x2="{x}" y2="{height}"/>'
