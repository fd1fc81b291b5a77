"""A real Redis of the test's own, on a socket of its own: started, killed, and started again."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import redis

PAUSE = 0.02  # seconds


class RedisServer:
    """A server in `directory`, which keeps what it has through a kill."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self._words = words
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """A life, which answers."""
        words = ["--port", "0", "--unixsocket", self.socket, "--dir", self.directory]
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", *self._words]
        with (self.directory / "redis.log").open("ab") as log:
            command = ["redis-server", *map(str, [*words, *kept])]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not self._answers():
            assert self.process.poll() is None, (self.directory / "redis.log").read_text()
            time.sleep(PAUSE)

    def kill(self) -> None:
        """It is gone at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self) -> Any:
        """For the test's own questions."""
        return redis.Redis(unix_socket_path=str(self.socket), decode_responses=True)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
