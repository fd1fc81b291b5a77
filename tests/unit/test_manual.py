"""The manual pages and the completion of shells tell all that can be typed and chosen."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from support.paths import ROOT

from lipsyncctl.manual.completion import completions
from lipsyncctl.manual.pages import pages
from lipsyncctl.verbs import VERBS
from lipsyncd.config import SECTIONS, Config
from lipsyncd.protocol.options import Options
from lipsyncd.server.verbs import VERBS as REQUESTS
from lipsyncfarm.arguments import parser
from lipsyncfarm.config import SECRETS, variable_of

PAGES = pages(ROOT)


def plain(name: str) -> str:
    """A page as it reads, without its requests and with its dashes."""
    (page,) = (text for path, text in PAGES.items() if path.endswith(f"/{name}"))
    return re.sub(r"\\f[BR]|\\&", "", page).replace("\\-", "-")


def test_every_verb_has_its_part_of_the_page_with_each_option() -> None:
    page = plain("lipsyncctl.1")
    assert {verb for verb in VERBS if f".SS {verb}\n" not in page} == set()
    options = {f"--{each.name.strip('_').replace('_', '-')}" for each in fields(Options)}
    assert {each for each in options if f"\n{each}" not in page} == set()


def test_every_key_of_the_configuration_has_its_part_of_the_page() -> None:
    page = plain("lipsyncd.toml.5")
    tables = {each.__name__.lower() for each in SECTIONS}
    keys = {each.name for kind in (Config, *SECTIONS) for each in fields(kind)} - tables
    assert {key for key in keys if f"\n{key} = " not in page} == set()
    assert {table for table in tables if f".SH [{table}]" not in page} == set()


def test_every_request_is_in_the_page_of_the_protocol() -> None:
    page = plain("lipsync-protocol.7")
    assert {verb for verb in REQUESTS if f"T{{\n{verb}\nT}}" not in page} == set()


def test_the_page_of_a_farms_worker_has_each_option_of_its_help_and_each_secret() -> None:
    page = plain("lipsyncfarm-worker.8")
    options = re.findall(r"--[a-z]+", parser().format_help())
    assert {each for each in options if each not in page.partition(".SH OPTIONS")[2]} == set()
    assert {each for each in SECRETS if f"\n{variable_of(each)}" not in page} == set()


def test_the_page_of_the_daemon_tells_what_a_stop_stops() -> None:
    assert ".SH What a stop stops" in plain("lipsyncd.8")


@pytest.mark.skipif(not shutil.which("mandoc"), reason="there is no mandoc")
@pytest.mark.parametrize("path", sorted(PAGES))
def test_a_page_is_clean(tmp_path: Path, path: str) -> None:
    (tmp_path / "page").write_text(PAGES[path], encoding="utf-8")
    command = ["mandoc", "-T", "lint", "-W", "warning", str(tmp_path / "page")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_completion_which_knows_every_verb(tmp_path: Path, shell: str) -> None:
    pytest.importorskip("shtab", reason="there is no shtab")
    (script,) = (
        text
        for path, text in completions().items()
        if path.startswith((shell, f"{shell}-")) and Path(path).stem.strip("_") == "lipsyncctl"
    )
    assert {verb for verb in VERBS if verb not in script} == set()
    assert "lipsyncctl list --quiet" in script
    if program := shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([program, "-n", str(tmp_path / "script")], check=True)
