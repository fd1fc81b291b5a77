"""Two hours of voice over a ten-second face, killed on the way: whole, in memory that stays flat.

`PYTHONPATH=tests python tests/torture/hours.py --seconds 7200 --kills 5`

One render at a time, and after each kill a short job comes behind the long one.  A JSON line each
minute tells on standard error how far it is and what memory it takes.
"""

import argparse
import json
import re
import signal
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from support.daemon.process import DaemonProcess, children, persisted
from support.media.clips import clip
from support.paths import VOICES

from lipsyncd.render.parts import PART_SECONDS

RATE, SIZE, SECONDS = 25, (320, 240), 10  # of the face
SHORT = 1  # second of voice
PART = round(PART_SECONDS * RATE)  # frames
TOLD_SECONDS = 60  # between two lines
GROWTH = 1.1  # of a render's memory, from the first quarter to the last
ENDED = ("succeeded", "failed", "cancelled", "expired")
TOML = """device = "cpu"
[render]
precision = "{}"
max_active = 1
turn_seconds = 0
"""
KEPT = re.compile(r"goes on after (\d+) of")


@dataclass
class Tally:
    """What came of it. `made_twice` is in parts; `behind` is how many frames of the long job were
    made while each short one waited; memory is that of the daemon and all below it, in MiB."""

    frames: int = 0
    fps: float = 0.0
    kills: int = 0
    made_twice: list[float] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    first_quarter_mib: float = 0.0
    last_quarter_mib: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        is_flat = self.last_quarter_mib <= GROWTH * self.first_quarter_mib
        return is_flat and not self.wrong and sum(self.made_twice) <= self.kills


def speaker(path: Path) -> Path:
    """Ten seconds of a face that goes on and on."""
    with av.open(str(clip("single_face.mp4"))) as container:
        once = [
            each.reformat(*SIZE, "yuv420p", interpolation="BICUBIC")
            for each in container.decode(video=0)
        ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height = SIZE
        for number in range(SECONDS * RATE):
            picture = once[number % len(once)]
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, RATE), 0
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def voice(path: Path, seconds: int) -> Path:
    """A real sentence, said over and over."""
    with wave.open(str(VOICES / "paper.wav"), "rb") as one, wave.open(str(path), "wb") as file:
        file.setparams(one.getparams())
        sentence, left = one.readframes(one.getnframes()), seconds * one.getframerate()
        while left > 0:
            some = sentence[: left * one.getsampwidth()]
            file.writeframes(some)
            left -= len(some) // one.getsampwidth()
    return path


class Hours:
    """The long job, and what is seen of it."""

    def __init__(self, directory: Path, daemon: DaemonProcess, seconds: int) -> None:
        self._daemon = daemon
        self._face = speaker(directory / "face.mp4")
        self._short = voice(directory / "short.wav", SHORT)
        self._total = seconds * RATE
        self._memory: list[tuple[float, float]] = []  # how far it was, MiB
        self._begun = self._told = time.monotonic()
        self.tally = Tally()
        self._long = self._hand_in(voice(directory / "long.wav", seconds))

    def run(self, kills: int) -> None:
        """To its end."""
        for number in range(kills):
            self._until(self._total * (number + 1) // (kills + 1))
            self._kill()
            self._let_in_a_short_one()
        self._until(self._total)
        self.tally.frames = self._total
        self.tally.fps = round(self._total / (time.monotonic() - self._begun), 1)
        self._look()

    def _hand_in(self, spoken: Path) -> str:
        return persisted(self._daemon, lambda client: client.hand_in(self._face, spoken))

    def _job(self, job: str) -> dict[str, Any]:
        return persisted(self._daemon, lambda client: dict(client.job(job)))

    def _until(self, done: int) -> None:
        """It has made so many frames, or has ended."""
        for job in self._seen(self._long):
            self._memory.append((job["done"] / self._total, memory_mib(self._daemon.pid)))
            self._tell(job["done"])
            if job["state"] in ENDED or job["done"] >= done > 0 and done < self._total:
                return

    def _seen(self, job: str) -> Iterator[dict[str, Any]]:
        while True:
            yield self._job(job)
            time.sleep(0.5)

    def _tell(self, done: int) -> None:
        """Once a minute."""
        now = time.monotonic()
        if now - self._told < TOLD_SECONDS:
            return
        self._told = now
        seen = {"seconds": round(now - self._begun), "frames": done, "mib": self._memory[-1][1]}
        lives = {"kills": self.tally.kills, "made_twice": sum(self.tally.made_twice)}
        print(json.dumps(seen | lives), file=sys.stderr, flush=True)

    def _kill(self) -> None:
        """And see with how much the next life goes on."""
        lives = len(KEPT.findall(self._daemon.log))
        before = self._job(self._long)["done"]
        self._daemon.end(signal.SIGKILL)
        self._daemon.start()
        self.tally.kills += 1
        while len(told := KEPT.findall(self._daemon.log)) == lives:
            time.sleep(0.1)
        self.tally.made_twice.append(round(max(0, before - int(told[-1])) / PART, 2))

    def _let_in_a_short_one(self) -> None:
        before, short = self._job(self._long)["done"], self._hand_in(self._short)
        for job in self._seen(short):
            if job["started_at"]:
                break
        self.tally.behind.append(self._job(self._long)["done"] - before)
        persisted(self._daemon, lambda client: client.end_of(short))

    def _look(self) -> None:
        """At the result, and at the memory all along."""
        job, tally = self._job(self._long), self.tally
        if job["state"] != "succeeded":
            tally.wrong.append(str(job))
        elif (seen := packets(self._daemon.state / "spool" / self._long / "result")) != self._total:
            tally.wrong.append(f"{seen} pictures of {self._total}")
        early = [mib for far, mib in self._memory if 0 < far < 0.25]
        late = [mib for far, mib in self._memory if 0.75 < far < 1]
        tally.first_quarter_mib, tally.last_quarter_mib = max(early), max(late)


def packets(result: Path) -> int:
    with av.open(str(result)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def memory_mib(pid: int) -> float:
    """Of a daemon with all below it, what they share counted once."""
    total = 0
    for each in (pid, *children(pid)):
        with suppress(OSError):
            found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
    return round(total / 1024, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=7200)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--precision", default="auto")
    chosen = parser.parse_args()
    toml = TOML.format(chosen.precision)
    with tempfile.TemporaryDirectory() as name, DaemonProcess(Path(name), toml) as daemon:
        hours = Hours(Path(name), daemon, chosen.seconds)
        hours.run(chosen.kills)
        daemon.end()
    print(json.dumps({"torture": "hours"} | asdict(hours.tally)))
    return 0 if hours.tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
