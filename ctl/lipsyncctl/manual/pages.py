"""The pages of the manual, each from what knows it: a parser, a configuration, Markdown."""

import re
from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, _SubParsersAction
from pathlib import Path

from lipsyncctl.arguments import DESCRIPTION, EXIT_CODES
from lipsyncctl.arguments import parser as ctl_parser
from lipsyncctl.manual.roff import blocks, head, inline, markdown, safe, tagged, verbatim
from lipsyncd.arguments import parser as daemon_parser
from lipsyncfarm.arguments import EXIT_CODES as WORKER_EXIT_CODES
from lipsyncfarm.arguments import parser as worker_parser
from lipsyncfarm.config import SECRETS, variable_of

KEY = re.compile(r"#(\w+) = (.*)")
SECTION = re.compile(r"\[(\w+)\]")
ALL = (
    *("lipsyncctl(1)", "lipsyncd(8)", "lipsyncd.toml(5)", "lipsyncfarm(7)"),
    *("lipsyncfarm-worker(8)", "lipsync-protocol(7)"),
)


def pages(checkout: Path) -> dict[str, str]:
    """Each page by where it lies below share/; the sources are in `checkout`."""

    def text(path: str) -> str:
        return (checkout / path).read_text(encoding="utf-8")

    found = {
        "man/man1/lipsyncctl.1": lipsyncctl(text("ctl/README.md")),
        "man/man5/lipsyncd.toml.5": toml(text("systemd/lipsyncd.toml")),
        "man/man7/lipsync-protocol.7": described(
            *("lipsync-protocol", 7, "how a client of lipsyncd hands in jobs and takes results"),
            text("daemon/PROTOCOL.md"),
        ),
        "man/man7/lipsyncfarm.7": described(
            *("lipsyncfarm", 7, "one queue over many hosts, each of which has a lipsyncd"),
            text("systemd/FARM.md"),
        ),
        "man/man8/lipsyncd.8": lipsyncd(text("systemd/README.md")),
        "man/man8/lipsyncfarm-worker.8": worker(),
    }
    return {path: joined(lines) for path, lines in found.items()}


def joined(lines: list[str]) -> str:
    """A page, with the others named at its end; a heading begins a paragraph by itself."""
    whole = [*lines, ".SH SEE ALSO", safe(", ".join(ALL)), ""]
    after = zip(whole, ["", *whole], strict=False)
    return "\n".join(line for line, before in after if (line, before[:2]) != (".PP", ".S"))


def lipsyncctl(guide: str) -> list[str]:
    """The command, verb by verb; arguments that several verbs share are told with the first."""
    parser, told = ctl_parser(), set()
    lines = head("lipsyncctl", 1, "hand jobs to lipsyncd, follow them, and fetch their results")
    lines += [".SH SYNOPSIS", *synopsis(parser), ".SH DESCRIPTION", safe(DESCRIPTION)]
    lines += [".SH OPTIONS OF EVERY VERB"]
    for action in (each for each in parser._actions if each.option_strings):
        lines += explained(action)
    common = {"--socket", "--json", "-h"}
    (verbs,) = (each for each in parser._actions if isinstance(each, _SubParsersAction))
    lines += [".SH VERBS"]
    for name, verb in verbs.choices.items():
        lines += [f".SS {name}", f"{capital(safe(verb.description or ''))}.", *synopsis(verb)]
        for group in verb._action_groups:
            own = [each for each in group._group_actions if not common & {*each.option_strings}]
            is_shared = bool(
                group.title and group.title[0] != "o" and group.title != "positional arguments"
            )
            if not own or (is_shared and group.title in told):
                continue
            if is_shared:
                told.add(group.title)
                about = f" {group.description}" if group.description else ""
                lines += [".PP", f"{capital(safe(group.title or ''))}:{safe(about)}"]
            for action in own:
                lines += explained(action)
    lines += [*untitled(guide), ".SH EXIT STATUS", *verbatim(EXIT_CODES)]
    return [*lines, ".SH ENVIRONMENT", *tagged("LIPSYNCD_SOCKET", "The daemon's socket.")]


def lipsyncd(service: str) -> list[str]:
    """The daemon, and what an operator has to know of it as a service."""
    lines = head("lipsyncd", 8, "keep lip-sync models ready and render jobs with them")
    return [*lines, *called(daemon_parser()), *untitled(service)]


def worker() -> list[str]:
    """A farm's bridge, with the secrets that it takes from the environment."""
    lines = head("lipsyncfarm-worker", 8, "bring jobs of a farm to the lipsyncd of this host")
    lines += [*called(worker_parser()), ".SH EXIT STATUS", *verbatim(WORKER_EXIT_CODES)]
    lines += [".SH ENVIRONMENT"]
    for name in SECRETS:
        words = f"The {name}, unless $CREDENTIALS_DIRECTORY has a file of this name."
        lines += tagged(variable_of(name), words)
    return [*lines, ".SH FILES", "/etc/lipsyncd/farms/farm.toml"]


def called(parser: ArgumentParser) -> list[str]:
    """A program without verbs: how it is called, what it does, and its options."""
    lines = [".SH SYNOPSIS", *synopsis(parser), ".SH DESCRIPTION", safe(parser.description or "")]
    lines += [".SH OPTIONS"]
    for action in parser._actions:
        lines += explained(action)
    return lines


def toml(text: str) -> list[str]:
    """The configuration, key by key, as its comments explain it."""
    lines = [*head("lipsyncd.toml", 5, "the configuration of lipsyncd"), ".SH DESCRIPTION"]
    for block in blocks(text.splitlines()):
        words = inline(" ".join(line.removeprefix("# ") for line in block if line[:2] == "# "))
        section = SECTION.fullmatch(block[-1])
        keys = [rf"\fB{key[1]}\fR = {safe(key[2])}" for key in map(KEY.fullmatch, block) if key]
        tags = [part for key in keys for part in (".TQ", key)]
        lines += [f".SH [{section[1]}]"] if section else []
        lines += [".TP", *tags[1:]] if tags else []
        lines.append(words)
    return [*lines, ".SH FILES", "/etc/lipsyncd/lipsyncd.toml"]


def described(name: str, section: int, what: str, text: str) -> list[str]:
    """A page that is a text as it stands."""
    return [*head(name, section, what), ".SH DESCRIPTION", *untitled(text)]


def untitled(text: str) -> list[str]:
    """Markdown below its title, whose place a page gives to its name."""
    _, _, rest = text.partition("\n")
    return markdown(rest)


def synopsis(parser: ArgumentParser) -> list[str]:
    """How it is called."""
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return [".PP", rf"\fB{safe(usage)}\fR"]


def explained(action: Action) -> list[str]:
    """An argument, and what it does."""
    if action.help == SUPPRESS or isinstance(action, _SubParsersAction):
        return []
    formatter = HelpFormatter("")
    tag = formatter._format_action_invocation(action)
    return tagged(tag, formatter._expand_help(action) if action.help else "A job, by its id.")


def capital(text: str) -> str:
    """With a large first letter."""
    return text[:1].upper() + text[1:]
