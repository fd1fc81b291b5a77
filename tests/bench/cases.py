"""The cases of `make bench`: one in the middle, and others that differ from it in one thing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from material import weights

from lipsyncd.model.precision import has_bfloat16

AT_ONCE = 8  # jobs, at most
BOX = (500, 120, 780, 480)  # of the face in 720 lines: a place that is not looked for


@dataclass(frozen=True)
class Case:
    """A job: `lines` of the video, `seconds` of the voice, `width` of the generator, its precision,
    how the mouth comes into the frame, how many such jobs there are at once, by how many processes
    each is rendered (0: as the daemon chooses), and whether the face's plan is known from an
    earlier one."""

    lines: int = 720
    seconds: int = 10
    width: str = "default"
    precision: str = "fp32"
    blend: str = "transfer"
    jobs: int = 1
    processes: int = 0
    planned: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)  # further ones, as the client has them
    title: str = ""

    @property
    def name(self) -> str:
        """Its title and what it differs in from the one in the middle."""
        words = {"lines": "{}p", "seconds": "{} s", "jobs": "{} jobs", "width": "{} width"}
        words |= {"processes": "{} processes", "planned": "known plan"}
        usual = asdict(Case(width=self.width, blend=self.blend) if self.title else Case())
        own = {name: value for name, value in asdict(self).items() if value != usual[name]}
        told = {name: value for name, value in own.items() if name not in ("options", "title")}
        said = [words.get(name, "{}").format(value) for name, value in told.items()]
        return ", ".join([self.title, *said] if self.title else said) or "720p, 10 s"

    @property
    def toml(self) -> str:
        """The configuration of its daemon: cases with the same one share it."""
        return (
            f'device = "cpu"\ncheckpoint = "{weights(self.width)}"\n'
            f'[render]\nprecision = "{self.precision}"\n'
            f"max_active = {AT_ONCE + 1}\nprocesses = {self.processes}\n"
        )


def can_run(case: Case) -> bool:
    """Whether this processor has its precision."""
    return case.precision != "bf16" or has_bfloat16()


USUAL = Case()
# as the reference does it where it is told a box, with its own settings of the encoder
AS_REFERENCE = Case(
    width="full",
    blend="box",
    options={"box": BOX, "crf": 23, "preset": "veryfast"},
    title="as the reference",
)
CASES = (
    USUAL,
    replace(USUAL, lines=1080),
    replace(USUAL, seconds=60),
    replace(USUAL, blend="soft"),
    replace(USUAL, planned=True),
    replace(USUAL, jobs=2),
    replace(USUAL, jobs=4),
    replace(USUAL, jobs=AT_ONCE),
    replace(USUAL, seconds=60, processes=2),
    replace(USUAL, width="full"),
    AS_REFERENCE,
    replace(USUAL, precision="bf16"),
    replace(AS_REFERENCE, precision="bf16"),
)
LONG = replace(USUAL, seconds=600)
