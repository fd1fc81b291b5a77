"""What the control plane asks of the data plane; it knows no more of it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Protocol

from lipsyncd.config import Config
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.preflight import Preflight

# Whether a render may begin another part, or other jobs come first now.
MayGoOn = Callable[[], bool]
Render = Callable[[Options, Paths, MayGoOn], Generator[Progress, None, None]]
Report = Callable[[str], None]


class TurnOver(Exception):
    """A render has ended between two parts, since other jobs come first; it keeps what it has."""


class Renderer(Protocol):
    """Models on devices, and what is done with them."""

    def render(
        self, options: Options, paths: Paths, may_go_on: MayGoOn
    ) -> Generator[Progress, None, None]:
        """Write the result of a job, a batch at a time.  Raises TurnOver."""

    def preflight(self, asked: Preflight, files: Sequence[int]) -> Generator[None, None, None]:
        """Write an answer to the last of the files; those before are the face and the voices."""

    def check(self) -> None:
        """Raise DeviceLost if there is nothing to render on, and there will not be."""

    def describe(self) -> Mapping[str, object]:
        """The devices, the models on them, what they cost; each is asked."""

    def devices(self) -> Sequence[Mapping[str, object]]:
        """How each device is, as far as that is known without asking it."""

    def watch(self, on_change: Callable[[], None]) -> None:
        """From now on call `on_change` when a device is lost, and when it is back."""

    def reload(self, config: Config, report: Report) -> str:
        """Serve what `config` says from the next batch on; a sentence on what changed.

        Raises LipsyncError, and then goes on as before.
        """


# Loads, checks and warms the models, reporting whenever something has moved.
Load = Callable[[Config, Report], Renderer]
