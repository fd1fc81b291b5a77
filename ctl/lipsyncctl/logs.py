"""`logs`: the story of a job, from the journal; journalctl tells it, in our place."""

import os
import shutil
from argparse import Namespace

from lipsyncctl.console import Console
from lipsyncd.errors import InvalidRequest


def logs(_console: Console, arguments: Namespace) -> int:
    """Becomes journalctl; InvalidRequest if there is none."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        raise InvalidRequest(
            "There is no journal on this machine.", "Look where `lipsyncd` was started."
        )
    form = "json" if arguments.json else "short"
    words = ["--no-hostname", f"--output={form}", f"LIPSYNCD_JOB_ID={arguments.job}"]
    os.execv(journalctl, ["journalctl", *words])
