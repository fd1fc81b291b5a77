"""`logs`: the story of a job, from the journal; journalctl tells it, in our place."""

import os
import shutil
import subprocess
from argparse import Namespace

from lipsyncctl.show.console import Console
from lipsyncd.errors import EventsGone, InvalidRequest

ELSEWHERE = "Look where `lipsyncd` was started"


def logs(_console: Console, arguments: Namespace) -> int:
    """Becomes journalctl; InvalidRequest if there is none, EventsGone if it knows nothing."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        raise InvalidRequest("There is no journal on this machine.", f"{ELSEWHERE}.")
    field = f"LIPSYNCD_JOB_ID={arguments.job}"
    if is_silent(journalctl, field):
        who = "" if os.geteuid() == 0 else ", or ask as root"
        raise EventsGone(
            f"The journal has nothing about job {arguments.job}.", f"{ELSEWHERE}{who}."
        )
    form = "json" if arguments.json else "short"
    words = ["--no-hostname", f"--output={form}", field]
    os.execv(journalctl, ["journalctl", *words])


def is_silent(journalctl: str, field: str) -> bool:
    """Whether the journal shows us no entry with this field; it would end as if it had some."""
    words = [journalctl, "--quiet", "--lines=1", "--output=cat", field]
    tried = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return not tried.stdout and not tried.stderr
