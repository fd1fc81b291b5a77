"""What the README shows to who runs a server, typed as it stands on a booted machine."""

import re

import pytest
from support.media.clips import clip
from support.pages import readme_blocks
from support.systemd.machine import VOICE, Machine

pytestmark = pytest.mark.booted

USER = "alice"
HOME = f"/home/{USER}"


def figures_aside(line: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", line)


def test_who_runs_a_server_can_type_what_the_readme_shows(machine: Machine) -> None:
    first, *lines = readme_blocks()["Run it as a service", "console"].splitlines()
    assert first.startswith("# make install ")  # which made this machine
    machine.run("useradd", "--create-home", USER)
    for file, name in ((VOICE, "hello.wav"), (clip("single_face.mp4"), "speaker.mp4")):
        machine.run("install", f"--owner={USER}", str(file), f"{HOME}/{name}")
    told: list[str] = []
    for line in lines:
        prompt, _, command = line.partition(" ")
        if prompt not in {"#", "$"}:
            assert figures_aside(line) == figures_aside(told.pop(0))
            continue
        assert told == [], "the README leaves out what is said"
        user = USER if prompt == "$" else "root"
        told = machine.run("sh", "-c", f"cd {HOME}; {command}", user=user).splitlines()
    assert told == []
