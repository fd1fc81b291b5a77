"""Completion for bash, zsh and fish, by shtab; ids come from the daemon, if it runs."""

from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator

from lipsyncctl.arguments import parser as ctl_parser
from lipsyncd.arguments import parser as daemon_parser

PLACES = {  # below share/
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}
IDS = "lipsyncctl list --quiet 2>/dev/null"
FILES = {"face", "faces", "voices", "output", "path", "config"}


def completions() -> dict[str, str]:
    """Each script by where it lies; none where shtab is not installed."""
    try:
        import shtab  # noqa: PLC0415  # what only runs lipsyncctl does without it
    except ImportError:
        return {}
    found = {}
    for parser in (ctl_parser(), daemon_parser()):
        for action in actions_of(parser):
            if action.dest in {"job", "jobs"}:
                action.complete = shtab.cmd(IDS)  # type: ignore[attr-defined]
            elif action.dest in FILES or action.metavar in {"PATH", "FILE"}:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        for shell, place in PLACES.items():
            found[place.format(parser.prog)] = shtab.complete(parser, shell)
    return found


def actions_of(parser: ArgumentParser) -> Iterator[Action]:
    """All, those of verbs included."""
    for action in parser._actions:
        yield action
        if isinstance(action, _SubParsersAction):
            for verb in action.choices.values():
                yield from actions_of(verb)
