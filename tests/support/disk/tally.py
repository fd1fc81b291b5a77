"""Mishaps: what went wrong while calls failed, counted, and once each told how to see it again."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from support.disk.syscalls import FOR_EVER, Fault, Kind

FRAME = re.compile(r'^ +File ".*/(\w+/\w+\.py)", line (\d+), in (\w+)')
STAMP = re.compile(r"^\d\d:\d\d:\d\d ")  # of a line in the log
FLEETING = (  # what is another each time: paths and ids, stamps, and which error it was
    (re.compile(r"/\S*/"), ""),
    (re.compile(r"\b[0-9a-z]{12}\b"), "ID"),
    (re.compile(r"\d{8}T\S+Z"), "WHEN"),
    (re.compile(r"\[Errno \d+\] [^:]+"), "errno"),
)
CHAIN = 3  # frames


@dataclass(frozen=True)
class Trial:
    """The fault that is tried: the n-th call of a kind during an operation, and those after it."""

    operation: str
    kind: Kind
    nth: int
    error: str
    times: int = 1

    def __str__(self) -> str:
        """What to type to see it alone."""
        times = {1: "", FOR_EVER: " --times 0"}.get(self.times, f" --times {self.times}")
        where = f"--operation {self.operation} --kind {self.kind.name.lower()}"
        return f"{where} --nth {self.nth} --errno {self.error}{times}"


@dataclass
class Finding:
    """A mishap: how often it came, and what led to it first."""

    count: int
    by: str
    fault: str


@dataclass
class Tally:
    """What came of it.  From `lost` to `tracebacks` all have to be 0.

    `failed_by_disk` are jobs that ended so; `told` the errors that clients got, by name; `exits`
    the codes of lives that nobody killed; `waited` starts that did neither fail nor serve until
    the disk was well again.
    """

    faults: int = 0
    lives: int = 0
    accepted: int = 0
    lost: int = 0
    broken: int = 0
    twice: int = 0
    set_aside: int = 0
    leftovers: int = 0
    undone: int = 0
    bad_exits: int = 0
    stuck: int = 0
    internal: int = 0
    tracebacks: int = 0
    failed_by_disk: int = 0
    waited: int = 0
    told: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    exits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    findings: dict[str, Finding] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Every promise was kept, and whatever failed said so by its name."""
        kept = (self.lost, self.broken, self.twice, self.set_aside, self.leftovers, self.undone)
        return not any((*kept, self.bad_exits, self.stuck, self.internal, self.tracebacks))

    def note(self, mishap: str, words: str, trial: Trial | None, faults: Sequence[Fault]) -> None:
        """Count a mishap, one of the fields, and keep how the first of its sort came about."""
        setattr(self, mishap, getattr(self, mishap) + 1)
        for fleeting, name in FLEETING:
            words = fleeting.sub(name, words)
        sort = f"{mishap}: {words}"
        if trial:
            sort += f" ({trial.operation})"
        by, fault = str(trial or "at random"), ", ".join(map(str, faults[:3]))
        self.findings.setdefault(sort, Finding(0, by, fault)).count += 1

    def figures(self) -> dict[str, Any]:
        """All of it, for JSON."""
        plain = {
            name: dict(value) for name, value in vars(self).items() if type(value) is defaultdict
        }
        findings = {sort: asdict(found) for sort, found in self.findings.items()}
        return vars(self) | plain | {"findings": findings}


def tracebacks(log: str) -> Iterator[str]:
    """Each traceback of a log: the exception, and where it came through the daemon."""
    frames: list[str] | None = None
    for line in log.splitlines():
        bare = STAMP.sub("", line)
        if bare.startswith("Traceback "):
            frames = []
        elif frames is not None and (found := FRAME.match(bare)):
            frames.append("{}:{} {}".format(*found.groups()))
        elif frames is not None and bare and not bare.startswith(" "):
            yield f"{bare[:160]} at {' < '.join(frames[: -CHAIN - 1 : -1])}"
            frames = None
