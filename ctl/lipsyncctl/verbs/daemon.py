"""The verbs that ask every daemon there is: its health, its parts, a reload, a drain and more."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

from lipsyncctl.client.instances import answers
from lipsyncctl.client.session import Client
from lipsyncctl.show.console import Console
from lipsyncctl.show.wording import cleaned, condition, drained, lines, resumed
from lipsyncd.errors import LipsyncError, ServerUnreachable

NOT_READY = 1
NO_ANSWER = 2

Answer = dict[str, Any] | LipsyncError
Words = Callable[[dict[str, Any]], str]


def health(console: Console, arguments: Namespace) -> int:
    """Whether the daemon would render now; with several, whether all would."""
    asked = ask_each(console, arguments, lambda client: client.ask("health").body, condition)
    return max(map(severity, asked))


def info(console: Console, arguments: Namespace) -> int:
    """What the daemon is made of."""
    asked = ask_each(console, arguments, lambda client: client.ask("info").body, parts)
    return max(map(code, asked))


def reload(console: Console, arguments: Namespace) -> int:
    """Returns when the configuration is in force, or has been refused."""

    def ask(client: Client) -> dict[str, Any]:
        return client.ask("reload", patience=None).body  # it may have to load a checkpoint

    asked = ask_each(console, arguments, ask, lambda reloaded: str(reloaded["detail"]))
    return max(map(code, asked))


def drain(console: Console, arguments: Namespace) -> int:
    """Nothing more is taken or started, until `resume`."""

    reason = {} if arguments.reason is None else {"reason": arguments.reason}
    asked = ask_each(console, arguments, lambda client: client.ask("drain", **reason).body, drained)
    return max(map(code, asked))


def resume(console: Console, arguments: Namespace) -> int:
    """Ends a drain."""
    asked = ask_each(console, arguments, lambda client: client.ask("resume").body, resumed)
    return max(map(code, asked))


def clean_all(console: Console, arguments: Namespace) -> int:
    """All of the user's own jobs that have ended go, with their results."""

    def ask(client: Client) -> dict[str, Any]:
        return client.ask("clean", patience=None).body  # there may be many files to remove

    return max(map(code, ask_each(console, arguments, ask, cleaned)))


def ask_each(
    console: Console, arguments: Namespace, ask: Callable[[Client], dict[str, Any]], words: Words
) -> Iterator[Answer]:
    """The answers and errors of all daemons, each shown; where there are several, by name."""
    is_single = len(arguments.addresses) == 1
    for address, answer in answers(arguments.addresses, ask):
        if isinstance(answer, LipsyncError):
            console.complain(answer)
        elif is_single:
            console.tell(answer, words(answer))
        else:
            console.tell(answer | {"instance": address.stem}, f"{address.stem}: {words(answer)}")
        yield answer


def parts(informed: dict[str, Any]) -> str:
    return lines({name: value for name, value in informed.items() if name not in {"verb", "id"}})


def severity(answer: Answer) -> int:
    """The exit code of `health`."""
    if isinstance(answer, ServerUnreachable):
        return NO_ANSWER
    if isinstance(answer, LipsyncError):
        return answer.code
    return 0 if answer["ready"] and not answer.get("paused") else NOT_READY


def code(answer: Answer) -> int:
    return answer.code if isinstance(answer, LipsyncError) else 0
