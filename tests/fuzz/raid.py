"""Raids on the socket of a living daemon: noise, and conversations with spoiled messages."""

import os
import socket
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fuzz.mutation import REQUESTS, seeds, with_other_bytes, with_other_values
from support.client.session import Client
from support.daemon.stepped import SteppedDaemon

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.connection import HUNG_UP, Connection
from lipsyncd.protocol.wire import MAX_DESCRIPTORS, Kind

TIMEOUT = 30.0  # seconds for the daemon to answer a raid and hang up
NOISE = 0.1  # of the raids are no conversation at all
ROUGH = 0.3  # of the conversations have messages in them that are none
GOOD = 0.5  # of the messages of a conversation are as they should be
UNASKED = {"follow", "reload"}  # without end, and with consequences, if they are not spoiled
OPENINGS = (__file__, __file__, "/proc/self/status", "/dev/zero", "/")  # what they pass as a file
RAIDERS = 4
ROUND = 4000  # frames, after which there are new jobs


@dataclass(frozen=True)
class Vitals:
    """What a process costs: its threads, its open descriptors, and its memory in bytes."""

    threads: int
    descriptors: int
    memory: int

    @classmethod
    def of(cls, process: int) -> "Vitals":
        place = Path(f"/proc/{process}")
        status = dict(
            line.split(":", 1)
            for line in (place / "status").read_text().splitlines()
            if ":" in line
        )
        memory = int(status["VmRSS"].split()[0]) << 10
        return cls(int(status["Threads"]), len(os.listdir(place / "fd")), memory)


class Raider:
    """A client that means no good.  `answers` counts what it was told, by verb or by error."""

    def __init__(self, path: Path, prey: Sequence[str], random: Random) -> None:
        """`prey` are jobs of the same user."""
        self.answers: Counter[str] = Counter()
        self.frames = 0
        self._path = path
        self._random = random
        self._conversations = [seeds(job) for job in prey]

    def plunder(self, frames: int) -> None:
        """Raid until so many frames have been sent."""
        while self.frames < frames:
            self.raid()

    def raid(self) -> None:
        """One connection, from the first byte to the daemon's hanging up.

        Raises if the daemon does not hang up, says what is no message, or resets the connection.
        """
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self._path))
            sock.settimeout(TIMEOUT)
            try:
                for frame in self._frames():
                    self._send(sock, frame)
                sock.shutdown(socket.SHUT_WR)
            except HUNG_UP:
                pass  # it has heard enough already
            self._hear(sock)

    def _frames(self) -> Iterator[bytes]:
        """What to say."""
        if self._random.random() < NOISE:
            yield self._random.randbytes(self._random.randint(1, 300))
            return
        conversation = self._random.choice(self._conversations)
        is_rough = self._random.random() < ROUGH
        yield conversation[0]
        for number in sorted(self._random.sample(range(1, len(conversation)), 10)):
            is_good = self._random.random() < GOOD and list(REQUESTS)[number] not in UNASKED
            frame = conversation[number]
            if is_good:
                yield frame
            elif is_rough:
                yield with_other_bytes(frame, conversation, self._random)
            else:
                yield with_other_values(frame, self._random, keeps=["verb", "id"])

    def _send(self, sock: socket.socket, frame: bytes) -> None:
        """A message, now and then with descriptors, as many as it may have or more."""
        self.frames += 1
        if self._random.random() < 0.8:
            sock.sendall(frame)
            return
        with ExitStack() as stack:
            rights = array("i", self._descriptors(stack))
            sent = sock.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            sock.sendall(frame[sent:])

    def _descriptors(self, stack: ExitStack) -> Iterator[int]:
        for _ in range(self._random.choice((1, 2, 2, 2, 2, MAX_DESCRIPTORS, MAX_DESCRIPTORS + 1))):
            descriptor = os.open(self._random.choice(OPENINGS), os.O_RDONLY)
            stack.callback(os.close, descriptor)
            yield descriptor

    def _hear(self, sock: socket.socket) -> None:
        """All that the daemon says."""
        with Connection(sock.dup()) as connection:
            while message := connection.receive(TIMEOUT):
                with message:
                    name = "name" if message.kind is Kind.ERROR else "verb"
                    self.answers[str(message.body[name])] += 1


class Siege:
    """A living daemon, several raiders at once, and jobs for them to fall upon."""

    def __init__(self, daemon: SteppedDaemon, directory: Path, seed: int) -> None:
        """Nobody has been a client of the daemon before."""
        self.answers: Counter[str] = Counter()
        self.frames = 0
        self._daemon = daemon
        self._directory = directory
        self._random = Random(seed)
        self._threads = Vitals.of(daemon.process.pid).threads

    def run(self, frames: int) -> None:
        """Raid after raid, until so many more frames have been sent; raises what a raider did."""
        goal = self.frames + frames
        while self.frames < goal:
            most = min(ROUND, goal - self.frames) // RAIDERS + 1
            prey = self._prey()
            raiders = [
                Raider(self._daemon.socket, prey, Random(self._random.random()))
                for _ in range(RAIDERS)
            ]
            with ThreadPoolExecutor(RAIDERS) as threads:
                list(threads.map(lambda raider, most=most: raider.plunder(most), raiders))
            for raider in raiders:
                self.answers += raider.answers
                self.frames += raider.frames

    def vitals(self) -> Vitals:
        """The daemon's, once no job runs and no session is left, if it ever comes to that."""
        with self._daemon.client() as client:
            self._end_all(client)
        deadline = time.monotonic() + TIMEOUT
        while (found := Vitals.of(self._daemon.process.pid)).threads > self._threads:
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        return found

    def sessions_left(self, vitals: Vitals) -> int:
        """The threads that are there beside those of a daemon without clients."""
        return vitals.threads - self._threads

    def _prey(self) -> list[str]:
        """A job that is done, one that runs and one that waits; what was there before is over."""
        with self._daemon.client() as client:
            self._end_all(client)
            self._daemon.let_go()
            jobs = [client.submit(self._directory) for _ in range(3)]
            client.end_of(jobs[0])
            return jobs

    def _end_all(self, client: Client) -> None:
        client.ask("resume")
        for job in client.ask("list")["jobs"]:
            if job["ended_at"] is None:
                self._daemon.let_go()
                with suppress(LipsyncError):  # it may have ended by itself
                    client.ask("cancel", job=job["id"])
