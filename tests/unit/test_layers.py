"""The architecture, as a test: imports point downward, heavy ones stay out, nothing grows long."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"lipsyncd": ROOT / "daemon/lipsyncd", "lipsyncctl": ROOT / "ctl/lipsyncctl"}
PACKAGES |= {name: ROOT / "ctl" / name for name in ("lipsyncfarm", "lipsyncweb")}
HEAVY = {"torch", "numpy", "cv2", "av", "librosa", "scipy", "soxr", "safetensors"}
MAX_FUNCTION_LINES = 40
MAX_MODULE_LINES = 250

# Lowest first. A module may import only from rows above it in this table; inside a package,
# modules may import each other.
LAYERS = [
    {"lipsyncd"},
    {"lipsyncd.errors"},
    {"lipsyncd.protocol"},
    {"lipsyncd.system"},
    {"lipsyncd.config"},
    {"lipsyncd.arguments", "lipsyncd.queue", "lipsyncd.media", "lipsyncctl"},
    {"lipsyncd.processes", "lipsyncd.intake", "lipsyncd.face"},
    {"lipsyncd.service"},
    {"lipsyncd.server", "lipsyncd.model", "lipsyncfarm"},
    {"lipsyncd.render", "lipsyncweb"},
    {"lipsyncd.main", "lipsyncctl.main", "lipsyncctl.manual"},
    {"lipsyncd.__main__", "lipsyncctl.__main__"},
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}


def module_name(package: str, root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join([package, *parts]).removesuffix(".__init__")


MODULES = {
    module_name(package, root, path): path
    for package, root in PACKAGES.items()
    for path in sorted(root.rglob("*.py"))
}
every_module = pytest.mark.parametrize("name", MODULES)


def syntax_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


def imports_of(name: str) -> Iterator[str]:
    for node in ast.walk(syntax_of(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: use absolute imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(name: str) -> str | None:
    """The longest listed prefix: `lipsyncd.media.source` lives in layer `lipsyncd.media`."""
    parts = name.split(".")
    return next((p for n in range(len(parts), 0, -1) if (p := ".".join(parts[:n])) in RANK), None)


@every_module
def test_imports_point_downward(name: str) -> None:
    mine = layer_of(name)
    assert mine
    assert name == "lipsyncd" or mine != "lipsyncd", f"give {name} a row in LAYERS"
    for imported in imports_of(name):
        theirs = layer_of(imported)
        if theirs and theirs != mine:
            assert RANK[theirs] < RANK[mine], f"{name} must not import {imported}"


@every_module
def test_no_module_is_long(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= MAX_MODULE_LINES


@every_module
def test_no_function_is_long(name: str) -> None:
    for node in ast.walk(syntax_of(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{name}.{node.name} has {lines} lines"


@every_module
def test_a_module_says_what_it_owns(name: str) -> None:
    syntax = syntax_of(name)
    assert ast.get_docstring(syntax) or not syntax.body, f"{name} has no docstring"


@pytest.mark.parametrize(
    "module",
    ["lipsyncctl.main", "lipsyncd.protocol.wire", "lipsyncd.main", "lipsyncd.intake.template"],
)
def test_it_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*{HEAVY!r} & set(sys.modules))"
    path = os.pathsep.join(str(root.parent) for root in PACKAGES.values())
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == []
