"""The architecture of lipsyncctl, as a test: a silent library, and a command that uses it."""

import ast
import inspect
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from lipsyncctl import Client, Job
from lipsyncctl.verbs import FILES, find
from lipsyncctl.verbs.verb import Verb
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.terms import Terms

ROOT = Path(__file__).parents[2] / "ctl/lipsyncctl"
WIRE = {"socket", "connection", "wire"}  # how one speaks with a daemon
OF_THE_DAEMON = {"__version__", "arguments", "config", "errors", "protocol", "system"}
INSIDE = {"session", "address"}  # of the library
# Of sys its streams and its exit; a stdout that is no stream of ours is the answer of a program.
LOUD = {"print", "exit", "signal", "setitimer", "input", "sys", "argparse"}


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_of(path: Path) -> set[str]:
    """The parts of all the names that are imported there."""
    return {part for name in imported(path) for part in name.split(".")}


@pytest.mark.parametrize("path", modules("show", "verbs"), ids=lambda path: path.stem)
def test_the_command_line_speaks_with_the_daemon_through_the_library_only(path: Path) -> None:
    assert not parts_of(path) & (WIRE | INSIDE)


def test_no_client_needs_more_of_the_daemon_than_what_it_says_of_itself() -> None:
    """Its planes look at the machine as they are imported, which a client's sandbox may hide."""
    found = {
        ".".join(name.split(".")[:2])
        for path in ROOT.parent.rglob("*.py")
        for name in imported(path)
        if name.startswith("lipsyncd.")
    }
    assert found <= {f"lipsyncd.{name}" for name in OF_THE_DAEMON}


@pytest.mark.parametrize("path", modules("client"), ids=lambda path: path.stem)
def test_the_library_knows_nothing_of_the_command_line(path: Path) -> None:
    own = {name.split(".")[1] for name in imported(path) if name.startswith("lipsyncctl.")}
    assert own <= {"client"}


@pytest.mark.parametrize("path", modules("show"), ids=lambda path: path.stem)
def test_what_puts_things_in_words_knows_no_verb(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith("lipsyncctl.verbs")]


@pytest.mark.parametrize("path", modules("client"), ids=lambda path: path.stem)
def test_the_library_prints_nothing_and_never_exits_and_leaves_signals_alone(path: Path) -> None:
    syntax = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(syntax) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(syntax) if isinstance(node, ast.Attribute)}
    assert not (names | parts_of(path)) & LOUD


def test_every_field_of_a_submission_can_be_typed_and_has_its_words_in_the_help() -> None:
    known = {each.name for each in (*fields(Options), *fields(Terms))}
    for name in ("run", "submit"):
        parser = ArgumentParser()
        for add in find(name).arguments:
            add(parser)
        assert known <= {action.dest for action in parser._actions if action.help}


def test_every_verb_is_a_row_of_the_table_by_its_file() -> None:
    for file, rows in FILES.items():
        found = vars(import_module(f"lipsyncctl.verbs.{file}")).values()
        assert {each.name for each in found if isinstance(each, Verb)} == set(rows)


def test_every_term_is_an_argument_of_the_library() -> None:
    taken = inspect.signature(Client.submit).parameters
    assert {each.name for each in fields(Terms)} <= set(taken)


def methods() -> list[str]:
    return [name for name, it in inspect.getmembers(Client) if callable(it) and name[0] != "_"]


@pytest.mark.parametrize("name", methods())
def test_every_method_of_the_library_is_told_with_an_example(name: str) -> None:
    words = inspect.getdoc(getattr(Client, name)) or ""
    assert name == "close" or f"client.{name}(" in words or f".{name}(" in words


def test_a_job_of_another_version_keeps_what_this_one_does_not_know() -> None:
    job = Job({"verb": "described", "id": 3, "job": {"id": "k3", "state": "asleep", "dreams": 2}})
    assert (job.id, job.state, job["dreams"]) == ("k3", "asleep", 2)
    assert dict(job) == {"id": "k3", "state": "asleep", "dreams": 2}
    assert "id" not in job.message
