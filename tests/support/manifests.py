"""The manifests for Kubernetes, and what is said in them."""

import shlex
from collections.abc import Iterator
from typing import Any

import yaml

from support.paths import ROOT

FOLDER = ROOT / "systemd/kubernetes"
SHELL = {"if", "while", "until", "do", "then", "!"}  # what may be before a command of a line

Manifest = dict[str, Any]


def manifests(name: str) -> list[Manifest]:
    """Those of one file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def manifest(name: str, kind: str) -> Manifest:
    """The only one of its kind."""
    (found,) = (each for each in manifests(name) if each["kind"] == kind)
    return found


def containers() -> dict[str, Manifest]:
    """Those of a pod, by name; the sidecar is one of them."""
    spec = manifest("lipsyncd.yaml", "Deployment")["spec"]["template"]["spec"]
    return {each["name"]: each for each in (*spec["initContainers"], *spec["containers"])}


def hook(name: str) -> list[str]:
    """The command of a probe or of a hook of the daemon's container."""
    daemon = containers()["lipsyncd"]
    found: list[str] = (daemon | daemon["lifecycle"])[name]["exec"]["command"]
    return found


def commands(program: str) -> Iterator[list[str]]:
    """The words after the program's name, wherever a manifest calls it."""
    for container in containers().values():
        lines = [container["command"] + container.get("args", [])]
        for each in container.values():
            if isinstance(each, dict) and "exec" in each:
                lines.append(each["exec"]["command"])
        lines += [each["exec"]["command"] for each in container.get("lifecycle", {}).values()]
        for line in lines:
            yield from called_in(line, program)


def called_in(line: list[str], program: str) -> Iterator[list[str]]:
    """Also of a line that a shell reads."""
    if line[0] == program:
        yield line[1:]
    elif "-c" in line:
        lexer = shlex.shlex(line[-1].replace("\n", ";"), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";|&"):
                yield from called_in(words, program) if words else ()
                words = []
            elif words or word not in SHELL:
                words.append(word)
