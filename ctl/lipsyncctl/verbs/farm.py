"""What there is of a farm: its hosts."""

from argparse import Namespace

from lipsyncctl.client.daemon import Daemon
from lipsyncctl.show.console import Console
from lipsyncctl.show.hosts import hosts_table
from lipsyncctl.verbs.verb import verb
from lipsyncd.errors import InvalidRequest


@verb()
def hosts(console: Console, client: Daemon, arguments: Namespace) -> int:
    """A host in a row."""
    if arguments.farm is None:
        raise InvalidRequest("A daemon has no hosts, a farm has.", "Name it with --farm NAME.")
    found = client.health()["hosts"]
    console.answer({"verb": "listed", "hosts": found}, hosts_table(found) or "no hosts were seen")
    return 0
