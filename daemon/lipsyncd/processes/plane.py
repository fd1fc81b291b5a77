"""A plane: the processes of one configuration, which renders are made by."""

from dataclasses import dataclass

from lipsyncd.config import Config
from lipsyncd.processes.plans import PlanCache
from lipsyncd.processes.pool import Pool
from lipsyncd.processes.template import Template


@dataclass(frozen=True)
class Plane:
    """Where renders are forked, and what serves them."""

    config: Config
    template: Template
    pool: Pool
    plans: PlanCache
    cage: dict[str, object]  # what of it holds renders in, as the last one said

    def retire(self) -> None:
        """They end when they are done."""
        self.template.retire()
        self.pool.retire()
