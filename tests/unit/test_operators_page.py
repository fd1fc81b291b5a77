"""What the operator's page says that one user can take is what the code allows."""

import re
from pathlib import Path

from lipsyncd.config import Limits, Render, Retention
from lipsyncd.processes.plans import MOST_BYTES
from lipsyncd.queue import preflight
from lipsyncd.queue.admission import PARTS
from lipsyncd.server.server import KEPT_FOR_ADMINS, MAX_OF_USER, MAX_SESSIONS

PAGE = Path(__file__).parents[2] / "systemd/README.md"
KEY = re.compile(r"`(?:\[(\w+)\] )?(\w+)`")
SECTIONS = {"render": Render(), "limits": Limits(), "retention": Retention()}


def rows() -> list[list[str]]:
    """The cells of the table of what one user can take, without its head."""
    (part,) = re.findall(r"## What one user can take at most\n(.*?)\n## ", PAGE.read_text(), re.S)
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def keys(cell: str) -> list[tuple[str, str]]:
    """The section and the name of each key; one without a section is in that of the one before."""
    found: list[tuple[str, str]] = []
    for section, name in KEY.findall(cell):
        found.append((section or found[-1][0], name))
    return found


def figure(section: str, name: str) -> str:
    """How the table writes the default of a key."""
    value = getattr(SECTIONS[section], name)
    if "bytes" in name:
        return f"{value >> 30} GiB"
    if "seconds" in name:
        return f"{value // 3600} h"
    return f"{value} min" if "minutes" in name else f"{value}"


def test_each_figure_of_what_one_user_can_take_is_the_default_of_its_key() -> None:
    chosen = [(at_most, keys(cell)) for _, at_most, cell in rows() if cell != "fixed"]
    for at_most, names in chosen:
        said = re.split(r" of |, ", at_most)
        if names == [("render", "max_active")]:
            most = Render().max_active
            assert said == [
                f"{Render().max_active_per_user}",
                f"{most}",
                "always one less than all",
            ]
        else:
            assert said == [figure(*key) for key in names]


def test_each_fixed_figure_of_what_one_user_can_take_is_that_of_the_code() -> None:
    fixed = [at_most for _, at_most, cell in rows() if cell == "fixed"]
    sessions = f"{MAX_OF_USER} of {MAX_SESSIONS}, of which {KEPT_FOR_ADMINS} are kept for admins"
    preflights = f"{preflight.MOST_OF_USER} of {preflight.MOST}"
    known = f"{MOST_BYTES >> 20} MiB"
    assert fixed == [f"1/{PARTS} of the room on the disk", sessions, preflights, known]


def test_every_bound_of_one_user_that_can_be_chosen_is_in_the_table() -> None:
    named = {key for _, _, cell in rows() for key in keys(cell)}
    bounds = {
        (section, name)
        for section, defaults in SECTIONS.items()
        for name in vars(defaults)
        if re.match("max_", name) and name != "max_age_hours"
    }
    assert bounds - named == set()
