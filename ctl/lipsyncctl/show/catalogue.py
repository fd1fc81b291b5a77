"""Weights in columns: what lies beside the checkpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

from lipsyncctl.show.grid import line, width
from lipsyncctl.show.wording import printable, size

Model = Mapping[str, Any]
HEADINGS = ("FILE", "SIZE", "RUNS", "LICENCE", "WHAT IT IS")


def catalogue(models: Sequence[Model]) -> str:
    """The files under their headings; nothing without any."""
    rows = [dict(zip(HEADINGS, HEADINGS, strict=True)), *map(row, models)]
    widths = {name: max(width(row[name]) for row in rows) for name in HEADINGS}
    return "\n".join(line(row, widths) for row in rows) if models else ""


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
