"""One thing done to several jobs: the trouble with one does not hide the others."""

from collections.abc import Callable, Iterable

from lipsyncctl.show.console import Console
from lipsyncd.errors import LipsyncError, ServerUnreachable


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
