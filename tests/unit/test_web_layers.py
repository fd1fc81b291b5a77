"""The architecture of the page, as a test: its tour is the order in which its modules import."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "ctl/lipsyncweb"
TOUR = ast.get_docstring(ast.parse((ROOT / "__init__.py").read_text())) or ""
ORDER = re.findall(r"^    ([a-z]+) +\S", TOUR, re.MULTILINE)
MODULES = [path.stem for path in sorted(ROOT.glob("*.py")) if path.stem != "__init__"]
GRADIO = {"options", "make", "page"}  # so that another library could take its place


def imported(name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / f"{name}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_tour_names_every_module() -> None:
    assert sorted(ORDER) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_those_above_it_in_the_tour(name: str) -> None:
    above = ORDER[: ORDER.index(name)]
    ours = [each.split(".") for each in imported(name) if each.startswith("lipsyncweb")]
    assert {second for _, second, *_ in ours} <= set(above)


@pytest.mark.parametrize("name", MODULES)
def test_gradio_is_known_to_what_draws_the_page_alone(name: str) -> None:
    is_used = any(each.split(".")[0] == "gradio" for each in imported(name))
    assert is_used == (name in GRADIO)
