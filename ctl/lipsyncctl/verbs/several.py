"""One thing done to several jobs or daemons: the trouble with one does not hide the others."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lipsyncctl.client.client import Client
from lipsyncctl.show.console import Console
from lipsyncd.errors import LipsyncError, ServerUnreachable

Answer = dict[str, Any] | LipsyncError


def worst(console: Console, jobs: Iterable[str], act: Callable[[str], int]) -> int:
    """Acts on every job, also after an error; the first exit code that is not 0."""
    codes = []
    for job in jobs:
        try:
            codes.append(act(job))
        except ServerUnreachable:
            raise
        except LipsyncError as error:
            console.error(error, job)
            codes.append(error.code)
    return next((code for code in codes if code), 0)


def ask_each(
    console: Console,
    client: Client,
    ask: Callable[[Client], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
) -> Iterator[Answer]:
    """The answers and errors of all daemons, each shown; where there are several, by name."""
    is_single = len(client.instances) == 1
    for each in client.instances:
        answer = answer_of(each, ask)
        if isinstance(answer, LipsyncError):
            console.error(answer)
        elif is_single:
            console.answer(answer, words(answer))
        else:
            console.answer(answer | {"instance": each.name}, f"{each.name}: {words(answer)}")
        yield answer


def answer_of(client: Client, ask: Callable[[Client], dict[str, Any]]) -> Answer:
    """What a daemon answers, or the error that came instead."""
    try:
        return ask(client)
    except LipsyncError as error:
        return error


def code(answer: Answer) -> int:
    """Of an answer, as an exit code."""
    return answer.code if isinstance(answer, LipsyncError) else 0
