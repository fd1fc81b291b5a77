"""What the tortures that kill have in common: clients without end, and a command line."""

import argparse
import json
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any


class Load:
    """Clients, each in a thread of its own, until they are stopped."""

    def __init__(self, clients: int) -> None:
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self.submit, args=[number]) for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """They end with the job that they are at."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def submit(self, number: int) -> None:
        """The thread of a client."""
        raise NotImplementedError


def main(name: str, description: str | None, torture: Callable[[Path, int, int], Any]) -> int:
    """Run it as its command line says, and print its tally; the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tally = torture(Path(directory), chosen.kills, chosen.seed)
    print(json.dumps({"torture": name, "seed": chosen.seed} | asdict(tally)))
    return 0 if tally.is_clean else 1
