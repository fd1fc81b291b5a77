"""The daemon in numbers, for whatever watches it."""

import os
import tempfile
from argparse import Namespace
from contextlib import suppress

from lipsyncctl.client.daemon import Daemon
from lipsyncctl.show.console import Console
from lipsyncctl.show.hosts import families as of_farm
from lipsyncctl.show.metrics import exposition, families
from lipsyncctl.verbs.verb import argument, verb
from lipsyncd.errors import InvalidRequest

READABLE = 0o644  # by an exporter that is another user


@verb(
    argument(
        *("-o", "--output"),
        metavar="FILE",
        help="write them to this file, at once and whole, as node_exporter's textfile collector "
        "reads them (its name has to end in .prom)",
    ),
)
def metrics(console: Console, client: Daemon, arguments: Namespace) -> int:
    """Numbers of all jobs together; nobody's names are among them."""
    told = client.health() if arguments.farm else client.measure()
    found = [*(of_farm(told) if arguments.farm else families(told, client.health(), client.info()))]
    if arguments.output is None:
        console.answer(told, exposition(found).rstrip("\n"))
    else:
        replace(arguments.output, exposition(found, is_open=False))
    return 0


def replace(name: str, text: str) -> None:
    """The file, whole at any moment.  Raises InvalidRequest."""
    folder, base = os.path.split(os.path.abspath(name))
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=f".{base}.", dir=folder)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(fresh, READABLE)
            os.replace(fresh, name)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(fresh)
    except OSError as error:
        words = f"{name} cannot be written: {error.strerror}."
        raise InvalidRequest(words, "Choose another place.") from error
