"""Every call on the daemon's files fails, one by one and at random: what was accepted comes out.

`PYTHONPATH=tests python tests/torture/disk.py --faults 20000`; one fault alone by
`--operation start --kind pread --nth 5 --errno EIO [--times 0]`, 0 being for ever.
"""

import argparse
import errno
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from support.client.session import Client
from support.disk.actions import ACTS, NO_MEDIA
from support.disk.harness import TIMEOUT, Harness
from support.disk.syscalls import ERRORS, FOR_EVER, Kind, NoCompiler
from support.disk.tally import Trial

LIFE_ACTS = ("start", "recovery", "stop")  # each fault takes a life
LASTING = ("start", "recovery")  # the same call fails for the whole of it, as well
OPERATIONS = (*LIFE_ACTS, *ACTS)
MOST = 2000  # calls of a kind in an operation: what goes on in the background never ends
DENSE, SPARSE = 40, 6  # so many of them each, and then fewer and fewer
REST = 60  # trials after which a state is looked through, and a new one begun
RECORDS = 80  # of cancelled jobs: a store of some pages is not read at once
CLIENTS = 3
RATES = (500, 2000, 8000)  # calls of a million that fail; a start makes hundreds
DEEP = 0.1  # of the lives' trials, in which all jobs come to their end
ROUND_SECONDS = 8.0  # for a round at random
SHARE = 0.7  # of the time, for faults one by one
ROUND = 8  # jobs of one client in a round at random


@dataclass(frozen=True)
class Still:
    """A state that a life has left, to begin with again and again; and what it has promised."""

    state: Path
    jobs: dict[str, str]


class Torture:
    """The trials; `harness.tally` has what came of them."""

    def __init__(self, directory: Path, seed: int, say: bool = False) -> None:
        """Raises NoCompiler."""
        self.harness = Harness(directory)
        self.chance = random.Random(seed)
        self.deep = DEEP
        self._say = say
        self._stills = directory / "stills"
        self._made: dict[str, Still] = {}
        self._absent: set[tuple[str, Kind]] = set()  # calls that an operation does not make

    def close(self) -> None:
        self.harness.close()

    def say(self, words: str) -> None:
        """Progress."""
        if self._say:
            tally = self.harness.tally
            print(f"{words}: {tally.faults} faults, {tally.lives} lives", file=sys.stderr)

    def one_by_one(
        self,
        operation: str,
        kind: Kind,
        error: int,
        times: int = 1,
        nths: Iterable[int] | None = None,
    ) -> None:
        """Fail the first call of the operation, the second, ... until there is no such call."""
        name = errno.errorcode[error]
        for nth in nths or turns(times):
            trial = Trial(operation, kind, nth, name, times)
            if (operation, kind) in self._absent:
                break
            if not self.attempt(trial, error):
                if nth == 1:
                    self._absent.add((operation, kind))
                break

    def attempt(self, trial: Trial, error: int) -> bool:
        """Whether the call came about, and so failed."""
        if trial.operation in LIFE_ACTS:
            return self._in_a_life(trial, error)
        return self._in_one_life(trial, error)

    # In one life

    def _in_one_life(self, trial: Trial, error: int) -> bool:
        harness = self.harness
        if harness.life is None or len(harness.jobs) > REST:
            self.rest()
            harness.renew()
            harness.start()
        act = ACTS[trial.operation](harness)
        try:
            next(act)
            harness.arm(trial, error)
            next(act)
            fired = harness.disarm()
            next(act, None)
        except TimeoutError:  # which is noted
            fired = harness.disarm()
            harness.let_go()
            harness.start()
        harness.let_go()
        harness.read_log()
        harness.trial = None
        return fired > 0

    def rest(self) -> None:
        """Look through all that there is, after a clean restart."""
        if self.harness.life:
            self.harness.clear()
            self.harness.audit()
            self.harness.kill()

    # A life for each

    def _in_a_life(self, trial: Trial, error: int) -> bool:
        harness = self.harness
        self.rest()
        still = self.still("killed" if trial.operation == "recovery" else "stopped")
        harness.renew(still.state, still.jobs)
        harness.hold()
        if trial.operation == "stop":
            harness.start()
            harness.persist(_running)
        harness.arm(trial, error)
        if trial.operation == "stop":
            harness.stop(is_failing=True)
        else:
            self._start_failing()
        fired = harness.disarm()
        if fired:
            self._look_through(is_deep=self.chance.random() < self.deep)
        harness.kill()
        return fired > 0

    def _start_failing(self) -> None:
        harness = self.harness
        harness.begin()
        assert harness.life
        has_started = harness.has_started()
        if has_started is False:
            harness.judge_exit()
        if has_started is None:
            harness.tally.waited += 1

    def _look_through(self, is_deep: bool) -> None:
        """All is there, in this life if it goes on and in the next one; `is_deep`: comes out."""
        harness = self.harness
        if harness.life and not harness.life.ended():
            if is_deep:
                self._all_out()
            harness.stop()
        harness.start()
        harness.look()
        if is_deep:
            harness.audit()

    def _all_out(self) -> None:
        self.harness.let_go()
        for job in list(self.harness.jobs):
            self.harness.check(job)

    def still(self, name: str) -> Still:
        """The state that a life leaves in the middle of renders when it is stopped, or killed."""
        if name not in self._made:
            self._made[name] = self._left(name)
        return self._made[name]

    def _left(self, name: str) -> Still:
        """Jobs of every sort, then the end."""
        harness = self.harness
        harness.renew()
        harness.start()
        done = [harness.submit() for _ in range(2)]
        content = harness.face.read_bytes()
        harness.face.write_bytes(NO_MEDIA)
        failed = harness.submit(ends="failed")
        harness.face.write_bytes(content)
        for job in (*done, failed):
            harness.check(job)
        harness.hold()
        for _ in range(4):
            harness.submit()
        for _ in range(RECORDS):
            gone = harness.submit(ends="cancelled")
            harness.persist(lambda client, gone=gone: client.ask("cancel", job=gone))
        harness.persist(_running)
        if name == "killed":
            harness.kill()
        else:
            harness.stop()
        shutil.copytree(harness.state, self._stills / name)
        harness.let_go()
        return Still(self._stills / name, dict(harness.jobs))

    # At random

    def at_random(self) -> None:
        """A round: clients hand in jobs while calls fail, and perhaps lives end."""
        harness, chance = self.harness, self.chance
        if harness.life is None or len(harness.jobs) > 2 * REST:
            self.rest()
            harness.renew()
            harness.start()
        kinds = chance.sample(list(Kind), chance.choice((1, 3, len(Kind))))
        harness.clear()
        harness.faults.arm_at_random(chance.choice(RATES), chance.getrandbits(32), kinds)
        clients = [threading.Thread(target=self._be_client) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            self._haunt()
            clients[0].join(chance.uniform(0.0, 0.3))
        harness.disarm()
        for job in list(harness.jobs):
            harness.check(job)
        harness.read_log()

    def _be_client(self) -> None:
        """Jobs, in whatever life: those that are accepted are promised."""
        harness = self.harness
        deadline = time.monotonic() + ROUND_SECONDS
        for _ in range(ROUND):
            key = harness.key()
            while time.monotonic() < deadline:
                job = harness.attempt(
                    lambda client, key=key: harness.promise(harness.hand_in(client, key))
                )
                if job:
                    harness.attempt(lambda client, job=job: client.end_of(job))
                    harness.attempt(lambda client, job=job: client.result_of(job))
                    break
                time.sleep(0.01)

    def _haunt(self) -> None:
        """A life that has ended is followed by another; some are ended."""
        harness, chance = self.harness, self.chance
        assert harness.life
        if not harness.life.ended() and chance.random() < 0.2:
            harness.life.tell(chance.choice((signal.SIGKILL, signal.SIGTERM)))
            harness.life.ended(TIMEOUT)
            harness.begin()
        elif harness.life.ended():
            harness.judge_exit()
            harness.begin()


def _running(client: Client) -> bool:
    """As soon as a job runs."""
    while not client.ask("health")["running"]:
        time.sleep(0.005)
    return True


def turns(times: int) -> Iterator[int]:
    """Which calls are to fail, if so many do in a row."""
    nth, each = 1, DENSE if times == 1 else SPARSE
    while nth < MOST:
        yield nth
        nth += max(1, nth // each)


def trials(chance: random.Random) -> Iterator[tuple[str, Kind, int, int]]:
    """Operations, kinds, errors and how often, in an order of chance: time may be short."""
    for operation in chance.sample(OPERATIONS, len(OPERATIONS)):
        for kind in chance.sample(list(Kind), len(Kind)):
            yield from ((operation, kind, error, 1) for error in ERRORS[kind])
            if operation in LASTING:
                yield from ((operation, kind, error, FOR_EVER) for error in ERRORS[kind])


def torture(trial: Torture, faults: int, seconds: float) -> dict[str, object]:
    """All trials, then faults at random until there were so many; both within their time."""
    begun, every, tried = time.monotonic(), list(trials(trial.chance)), 0
    for operation, kind, error, times in every:
        if time.monotonic() - begun > SHARE * seconds:
            break
        trial.one_by_one(operation, kind, error, times)
        tried += 1
        trial.say(f"{tried} of {len(every)}, {operation} {kind.name} {errno.errorcode[error]}")
    singly = trial.harness.tally.faults
    trial.rest()
    while trial.harness.tally.faults < faults and time.monotonic() - begun < seconds:
        trial.at_random()
        trial.say("at random")
    trial.rest()
    return {"singly": singly, "tried": tried, "of": len(every)}


def alone(trial: Torture, chosen: argparse.Namespace) -> dict[str, object]:
    """What the command line names: one fault, or one after the other."""
    trial.deep = 1.0
    kind, nths = Kind[chosen.kind.upper()], [chosen.nth] if chosen.nth else None
    errors = [getattr(errno, chosen.errno)] if chosen.errno else ERRORS[kind]
    for error in errors:
        trial.one_by_one(chosen.operation, kind, error, chosen.times or FOR_EVER, nths)
    trial.rest()
    return {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="the time it may take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operation", choices=OPERATIONS)
    parser.add_argument("--kind", choices=[kind.name.lower() for kind in Kind])
    parser.add_argument("--nth", type=int)
    parser.add_argument("--errno")
    parser.add_argument("--times", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            trial = Torture(Path(directory), chosen.seed, say=True)
        except NoCompiler as error:
            print(json.dumps({"torture": "disk", "skipped": str(error)}))
            return 0
        with closing(trial):
            if chosen.operation:
                more = alone(trial, chosen)
            else:
                more = torture(trial, chosen.faults, chosen.seconds)
            log = trial.harness.log
    tally = trial.harness.tally
    print(json.dumps({"torture": "disk", "seed": chosen.seed} | more | tally.figures()))
    if chosen.nth:
        print(log, file=sys.stderr)
    return 0 if tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
