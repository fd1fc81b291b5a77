"""A job as a line of the user's own making."""

from lipsyncctl.client.told import Told
from lipsyncctl.show.wording import printable
from lipsyncd.errors import InvalidRequest


def filled(template: str, job: Told) -> str:
    """The template with fields of the job for their names in braces.  Raises InvalidRequest."""
    try:
        return printable(template.format_map(dict(job)))
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        names = ", ".join(job)
        words = f"{template!r} is no template: {error}."
        raise InvalidRequest(words, f"Write {{id}} or another of {names}.") from error
