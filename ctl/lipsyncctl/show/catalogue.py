"""Weights in columns: what lies beside the checkpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

from lipsyncctl.show.grid import headed
from lipsyncctl.show.wording import printable, size

Model = Mapping[str, Any]


def catalogue(models: Sequence[Model]) -> str:
    """The files under their headings; nothing without any."""
    return headed(map(row, models))


def row(model: Model) -> dict[str, str]:
    """One by heading: what it is, or else why it does not run."""
    runs = "yes" if model["runs"] else "no"
    return {
        "FILE": printable(model["name"]),
        "SIZE": size(model["bytes"]),
        "RUNS": "in use" if model["in_use"] else runs,
        "LICENCE": printable(model["licence"] or "not told"),
        "WHAT IT IS": printable(model["what"] or model["problem"]),
    }
