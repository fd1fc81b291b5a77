"""Where a job's time goes: `make profile` draws a flame graph of a render and of its device.

py-spy looks at all processes of a daemon a hundred times a second; the widths of what it draws are
shares of the time in which a thread was at work.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from cases import USUAL
from material import CACHE, video
from measuring import rendered
from service import daemon
from table import tell

RATE = 100  # looks a second
GRAPH = CACHE.parent / "profile.svg"


def main() -> None:
    spy = Path(sys.executable).with_name("py-spy")
    program = str(spy) if spy.exists() else shutil.which("py-spy")
    if program is None:
        raise SystemExit("There is no py-spy here: `make profile` installs it.")
    video()
    GRAPH.unlink(missing_ok=True)
    with daemon(USUAL.toml) as fresh:
        fresh.start_told()
        rendered(fresh, USUAL)  # a first one is slower
        words = ["record", "--pid", fresh.pid, "--subprocesses", "--threads", "--rate", RATE]
        command = [program, *map(str, words), "--output", str(GRAPH)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as looking:
            assert looking.stdout is not None
            next(iter(looking.stdout), None)  # it says that it has begun
            try:
                rendered(fresh, USUAL)
            finally:
                looking.send_signal(signal.SIGINT)
            said = looking.stdout.read().decode()
    if not GRAPH.exists():
        raise SystemExit(said)
    tell(f"{os.path.relpath(GRAPH)}: open it with a browser")


if __name__ == "__main__":
    main()
