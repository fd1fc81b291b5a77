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
# The ids, for a shell of any kind. For some seconds they are those of the last key: a Python for
# each would be felt. What is kept is the user's alone.
IDS = """\
ask() { lipsyncctl list --quiet 2>/dev/null; }
[ "$XDG_RUNTIME_DIR" ] || { ask; exit; }
ids="$XDG_RUNTIME_DIR/lipsyncctl$LIPSYNCD_SOCKET/ids"
if [ ! "$(find "$ids" -newermt "-5 seconds" 2>/dev/null)" ]; then
  mkdir -p "${ids%/*}" && ask >"$ids.$$"
  mv "$ids.$$" "$ids"
fi
cat "$ids"
"""
CALLED = {  # what gives them, by shell
    "bash": "_lipsyncctl_ids",
    "zsh": "_lipsyncctl_ids",
    "fish": "(_lipsyncctl_ids)",
    "preamble": {
        "bash": f'_lipsyncctl_ids() {{ compgen -W "$(sh -c \'{IDS}\')" -- "$1"; }}',
        "zsh": f"_lipsyncctl_ids() {{ compadd -- $(sh -c '{IDS}') }}",
        "fish": f"function _lipsyncctl_ids; sh -c '{IDS}'; end",
    },
}
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
                action.complete = CALLED  # type: ignore[attr-defined]
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
