"""The README is short, and all that it and the other pages tell to type can be typed."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from support.pages import PAGES, README, commands, readme_blocks
from support.paths import ROOT

from lipsyncctl.arguments import parse
from lipsyncd import __version__
from lipsyncd.protocol.outputs import CODECS, DEEP, FORMATS

FIRST = "lipsyncd", "sh"
TREE = "What's in the box", ""
ELSEWHERE = {  # who runs the others
    ("Make a video", "sh"): "render/test_readme.py",
    ("Run it as a service", "console"): "systemd/test_readme.py",
    ("Use it from a program", "python"): "integration/test_client_library.py",
}


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_each_block_is_run_by_a_test() -> None:
    assert {*readme_blocks()} == {FIRST, TREE, *ELSEWHERE}
    assert all((ROOT / "tests" / path).exists() for path in ELSEWHERE.values())


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_what_it_begins_with_can_be_made() -> None:
    lines = readme_blocks()[FIRST].splitlines()
    assert [line.split()[:2] for line in lines] == [["make", "demo"], ["make", "test"]]
    for line in lines:
        words = [*shlex.split(line, comments=True), "--dry-run", "-C", str(ROOT)]
        subprocess.run(words, check=True, capture_output=True)


def test_what_is_in_the_box_is_there() -> None:
    lines = readme_blocks()[TREE].splitlines()
    folders = [Path(line.split()[0]) for line in lines]
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
    (tests,) = (line.partition(" ")[2] for line in lines if line.startswith("tests/"))
    named = re.findall(r"\w+", re.sub(r"\(.*?\)", "", tests))
    assert [name for name in named if not (ROOT / "tests" / name).is_dir()] == []


def test_every_link_leads_to_a_file_and_to_a_heading_of_it() -> None:
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\((?!https:)([^)]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) > 15
    assert [(page, link) for page, link in links if not leads(page, link)] == []


def leads(page: Path, link: str) -> bool:
    """Whether something is there."""
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_lipsyncctl_of_the_pages_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anna.jpg").touch()  # a person is told by a picture that is there
    typed = [*commands("lipsyncctl")]
    assert len(typed) > 40
    assert {line: capsys.readouterr().err for line in typed if not is_understood(line)} == {}


def is_understood(line: str) -> bool:
    """Whether the command line takes it; what the shell does with its files is not its affair."""
    words = shlex.split(re.split(r" [<>|] ?", line)[0], comments=True)[1:]
    try:
        parse(words)
    except SystemExit as ended:
        return ended.code == 0  # help
    return True


def test_every_target_of_make_that_the_pages_name_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = " ".join(re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)).split()
    goals = {line.split()[1] for line in commands("make")}
    assert len(goals) > 8
    assert goals - {*targets} == set()


def test_every_unit_that_the_pages_name_is_there() -> None:
    words = {word for line in commands("systemctl") for word in shlex.split(line, comments=True)}
    units = {word for word in words if word.startswith("lipsync")}
    assert len(units) > 3
    files = {re.sub(r"@\w+", "@", unit) for unit in units}
    named = {file if "." in file else f"{file}.service" for file in files}
    assert {file for file in named if not (ROOT / "systemd" / file).exists()} == set()


def test_the_newest_of_the_changelog_is_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.*?)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)[0] == __version__


def test_the_table_of_codecs_is_that_of_the_code() -> None:
    text = (ROOT / "ctl/README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| ([\w ]+) \|$", text, re.MULTILINE)
    assert told == [
        (
            codec,
            ", ".join(name for name, made in FORMATS.items() if codec in made.codecs),
            "up to 10" if codec in DEEP else "8",
        )
        for codec in CODECS
    ]
