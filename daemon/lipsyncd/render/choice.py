"""The choice: whose lips move, of all the faces that a video shows."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from lipsyncd.face.track import Run
from lipsyncd.model.recogniser import ALIKE


@dataclass(frozen=True)
class Span:
    """Frames in which a run's face is a chosen one."""

    run: Run
    first: int
    stop: int

    def overlaps(self, other: "Span") -> bool:
        """Whether both show the same face in some frame."""
        return self.run is other.run and self.first < other.stop and other.first < self.stop


Alike = Callable[[Run], float]  # the cosine of a run's face and a wanted one


def chosen(runs: list[Run], who: str, rate: Fraction, alike: Alike | None = None) -> list[Span]:
    """The spans of the faces that `who` names (protocol/options.py), in the order of their begin;
    with `alike` those that are the wanted person's.

    But for `all`, one at a time: whoever is chosen is followed as long as the face is there.
    """
    if who == "all":
        return [Span(run, run.start, run.stop) for run in sorted(runs, key=lambda run: run.start)]
    if alike:
        return one_at_a_time(runs, most_alike(alike))
    if "," in who:
        return at_point(runs, who, rate)
    return one_at_a_time(runs, picker_of(who))


Picker = Callable[[list[Run], int], Run | None]  # of those that are there in a frame


def picker_of(who: str) -> Picker:
    if who == "largest":
        return lambda there, at: max(there, key=lambda run: run.face(at).box.area)
    number = {"left": 0, "right": -1}.get(who)
    place = int(who) - 1 if number is None else number

    def from_the_left(there: list[Run], at: int) -> Run | None:
        order = sorted(there, key=lambda run: run.face(at).box.left)
        return order[place] if place < len(order) else None

    return from_the_left


def most_alike(alike: Alike) -> Picker:
    def pick(there: list[Run], at: int) -> Run | None:
        best = max(there, key=alike)
        return best if alike(best) >= ALIKE else None

    return pick


def one_at_a_time(runs: list[Run], pick: Picker) -> list[Span]:
    spans: list[Span] = []
    at, begins = 0, sorted(run.start for run in runs)
    while left := [run for run in runs if run.stop > at]:
        there = [run for run in left if run.start <= at]
        if there and (run := pick(there, at)):
            spans.append(Span(run, at, run.stop))
            at = run.stop
        else:
            at = min((begin for begin in begins if begin > at), default=max(r.stop for r in left))
    return spans


def at_point(runs: list[Run], who: str, rate: Fraction) -> list[Span]:
    """The face that is at X,Y at a time: the smallest, where several are."""
    place, _, seconds = who.partition("@")
    x, y = map(int, place.split(","))
    at = int(Fraction(seconds or 0) * rate)
    there = [run for run in runs if run.start <= at < run.stop and run.face(at).box.holds(x, y)]
    there.sort(key=lambda run: run.face(at).box.area)
    return [Span(run, run.start, run.stop) for run in there[:1]]
