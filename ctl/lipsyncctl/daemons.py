"""The verbs that ask every daemon there is: its health, what it is made of, its jobs, a reload."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

from lipsyncctl.client import Client
from lipsyncctl.console import Console
from lipsyncctl.instances import answers
from lipsyncctl.wording import condition, lines, table
from lipsyncd.errors import LipsyncError, ServerUnreachable

NOT_READY = 1
NO_ANSWER = 2

Answer = dict[str, Any] | LipsyncError


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


def list_jobs(console: Console, arguments: Namespace) -> int:
    """The jobs of the user, of everybody for root, the newest last."""
    asked = [answer for _, answer in answers(arguments.addresses, ask_jobs)]
    for answer in asked:
        if isinstance(answer, LipsyncError):
            console.complain(answer)
    jobs = [job for answer in asked if isinstance(answer, dict) for job in answer["jobs"]]
    jobs.sort(key=lambda job: job["created_at"])
    if any(isinstance(answer, dict) for answer in asked):
        console.tell({"verb": "listed", "jobs": jobs}, table(jobs))
    return max(map(code, asked))


def ask_jobs(client: Client) -> dict[str, Any]:
    return client.ask("list").body


def ask_each(
    console: Console,
    arguments: Namespace,
    ask: Callable[[Client], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
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
    return 0 if answer["ready"] else NOT_READY


def code(answer: Answer) -> int:
    return answer.code if isinstance(answer, LipsyncError) else 0
