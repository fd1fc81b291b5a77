"""A daemon whose disk fails on demand: what it promised, and what became of that.

Everything is in one directory; `home` in it is the daemon's. It is forked (daemon/forkserver.py),
and renders without models (daemon/reencoding.py). Calls on its state, configuration and lock may
fail (syscalls.py).
"""

import errno
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, TypeVar

import av

from lipsyncd.errors import ConfigInvalid, InternalError, LipsyncError, UnknownJob
from lipsyncd.queue.contents import SPARE
from lipsyncd.system.crashlimit import FINAL
from support.client.session import Client, session
from support.daemon import reencoding
from support.daemon.forkserver import ForkedDaemon, ForkServer
from support.daemon.process import GONE, places
from support.disk.syscalls import Fault, Faults
from support.disk.tally import Tally, Trial, tracebacks

TIMEOUT = 30.0  # seconds: who is silent for longer hangs
START_TIMEOUT = 3.0  # seconds: a start that takes longer waits for a better disk
PAUSE = 0.003  # seconds between two attempts
UNNAMED = {1, 70}
TOML = """
[limits]
min_free_bytes = 0
drain_seconds = 0
[retention]
max_results = 1000000
max_records = {records}
"""
KEPT = {  # in the spool, by the state of a job
    "queued": {"face", "voice"},
    "running": {"face", "voice"},
    "succeeded": {"result"},  # and, while there is room, SPARE
    "failed": {"face", "voice"},
    "cancelled": {"face", "voice"},
    "expired": {"face", "voice"},
}
Answer = TypeVar("Answer")


class Harness:
    """The daemon, life after life, and its clients; what goes wrong is noted in `tally`.

    `jobs` is what was promised: the state in which each accepted job has to end; "clean" if nothing
    of it is to stay.
    """

    def __init__(self, directory: Path) -> None:
        """Raises NoCompiler."""
        self.face = reencoding.face(directory / "face.mp4")
        self.voice = reencoding.voice(directory / "voice.wav")
        self.home = directory / "home"
        self.state = self.home / "state"
        self.tally = Tally()
        self.trial: Trial | None = None
        self.jobs: dict[str, str] = {}
        self._inputs = {"face": self.face.read_bytes(), "voice": self.voice.read_bytes()}
        self._toml, self._socket = self.home / "lipsyncd.toml", self.home / "control.sock"
        lock = self.home / "control.sock.lock"
        self.faults = Faults(directory, [self.state, self._toml, lock])
        self._seen: Sequence[Fault] = ()  # in this trial
        self._log = directory / "log"
        self._log.touch()
        self._read = 0  # bytes of the log
        self._keys = 0
        self._lock = threading.Lock()
        self.life: ForkedDaemon | None = None
        self._server = ForkServer(self._log, self.faults.environment)

    def close(self) -> None:
        """No life is left."""
        self._server.close()

    # Lives

    def renew(self, state: Path | None = None, jobs: Mapping[str, str] | None = None) -> None:
        """Forget everything, and put this state in its place."""
        self.kill()
        self.clear()
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        self.configure()
        self.jobs = dict(jobs or {})
        if state:
            shutil.copytree(state, self.state)

    def configure(self, records: int = 1_000_000) -> None:
        """Write a configuration that differs by this number."""
        self._toml.write_text(TOML.format(records=records))

    def begin(self) -> None:
        """Another life; it has not yet come to anything."""
        self.kill()
        self.life = self._server.begin(places(self.state, self._socket, self._toml))
        self.tally.lives += 1

    def kill(self) -> None:
        """End this life at once, if there is one."""
        if self.life:
            self.life.kill()
        self.life = None

    def has_started(self) -> bool | None:
        """Whether this life serves; False once it has ended; None if it waits for a better disk."""
        assert self.life
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                with self.client(START_TIMEOUT) as client:
                    client.ask("health")
                    return True
            except LipsyncError as error:
                self._told(error)
                return True
            except TimeoutError:
                continue
            except GONE:
                if self.life.ended(PAUSE):
                    return False
        return None

    def start(self) -> None:
        """A life on a good disk, up to the point where it renders."""
        self.begin()
        self.persist(_ready)

    def stop(self, is_failing: bool = False) -> None:
        """An orderly end; how it ended is noted.  `is_failing`: calls fail meanwhile."""
        assert self.life
        self.life.tell(signal.SIGTERM)
        if self.life.ended(TIMEOUT):
            self.judge_exit(may_be_well=True, may_fail=is_failing)
        else:
            self.note("stuck", "a stop does not end")
        self.kill()

    def judge_exit(self, may_be_well: bool = False, may_fail: bool = True) -> None:
        """Look at the exit code of a life that has ended by itself."""
        assert self.life
        code = self.life.code
        assert code is not None
        self.tally.exits[code] += 1
        is_named = code > 0 and code not in (FINAL - self._excused()) | UNNAMED
        if not (may_be_well if code == 0 else is_named and may_fail):
            self.note("bad_exits", f"{code}: {self.last_words()}")

    @property
    def log(self) -> str:
        """What all lives have said."""
        return self._log.read_text(errors="replace")

    def _excused(self) -> set[int]:
        """A disk that can only be read is the operator's to change, and no restart helps."""
        is_read_only = any(fault.error == errno.EROFS for fault in self.faults.recent())
        return {ConfigInvalid.code} if is_read_only else set()

    def last_words(self) -> str:
        """The last line of the log, without its time."""
        lines = self.log.splitlines()
        return lines[-1].split(" ", 1)[-1] if lines else ""

    # Faults

    def arm(self, trial: Trial, error: int) -> None:
        """This is what is tried from now on."""
        self.clear()
        self.trial = trial
        self.faults.arm(trial.kind, trial.nth, error, trial.times)

    def disarm(self) -> int:
        """Nothing fails any more; how many faults there were, one that lasts being one."""
        count = min(self.faults.fired, 1) if self.trial else self.faults.fired
        self._seen = self.faults.disarm()
        self.tally.faults += count
        return count

    def clear(self) -> None:
        """What comes now has nothing to do with what was tried before."""
        self.read_log()
        if self.faults.fired:
            self.disarm()
        self.trial, self._seen = None, ()

    def note(self, mishap: str, words: str) -> None:
        """Something went wrong."""
        with self._lock:
            self.tally.note(mishap, words, self.trial, self._seen or self.faults.recent())

    def read_log(self) -> None:
        """Note what is new in the log and should not be there."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        self._read += len(new)
        for words in tracebacks(new.decode(errors="replace")):
            self.note("tracebacks", words)

    # Clients

    def client(self, timeout: float = TIMEOUT) -> AbstractContextManager[Client]:
        """A session with this life."""
        return session(self._socket, timeout=timeout)

    def attempt(self, act: Callable[[Client], Answer]) -> Answer | None:
        """Ask once; None for an error, which is counted, and for no answer at all."""
        try:
            with self.client() as client:
                return act(client)
        except LipsyncError as error:
            self._told(error)
        except TimeoutError:
            self.note("stuck", "a request gets no answer while calls fail")
        except GONE:
            pass
        return None

    def persist(self, act: Callable[[Client], Answer]) -> Answer:
        """Ask until there is an answer, in whatever life; raises errors that are no failures.

        TimeoutError if there is none for too long.
        """
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            try:
                with self.client() as client:
                    return act(client)
            except LipsyncError as error:
                self._told(error)
                if not (error.retryable or error.name == InternalError.name):
                    raise
            except TimeoutError:
                break
            except GONE:
                self._revive()
            time.sleep(PAUSE)
        self.note("stuck", "there is no answer though nothing fails any more")
        raise TimeoutError

    def _revive(self) -> None:
        """Begin another life if this one has ended."""
        with self._lock:
            has_ended = self.life is None or self.life.ended()
        if has_ended and threading.current_thread() is threading.main_thread():
            if self.life:
                self.judge_exit()
            self.begin()

    def _told(self, error: LipsyncError) -> None:
        self.tally.told[error.name] += 1
        if error.name == InternalError.name:
            self.note("internal", error.message)

    # Promises

    def key(self) -> str:
        """A key that no job has had."""
        with self._lock:
            self._keys += 1
            return f"key-{self._keys}"

    def submit(self, key: str | None = None, ends: str = "succeeded") -> str:
        """Hand in a job, however long it takes; its id.  `ends` is what it is to come to."""
        key = key or self.key()
        return self.promise(self.persist(lambda client: self.hand_in(client, key)), ends)

    def hand_in(self, client: Client, key: str) -> str:
        """Submit once."""
        return client.hand_in(self.face, self.voice, key=key)

    def promise(self, job: str, ends: str = "succeeded") -> str:
        """The job was accepted; its id."""
        self.tally.accepted += job not in self.jobs
        self.jobs[job] = ends
        return job

    def check(self, job: str) -> None:
        """Wait for the job's end, and look whether it is the one that was promised."""
        wanted = self.jobs[job]
        try:
            ended = self.persist(lambda client: client.end_of(job))
        except UnknownJob:
            if wanted != "clean":
                self._give_up(job, "lost", "a job is unknown")
        except TimeoutError:
            self._give_up(job, "lost", "a job does not end")
        else:
            self._judge(job, ended, wanted)

    def _judge(self, job: str, ended: Mapping[str, Any], wanted: str) -> None:
        state, error = ended["state"], ended.get("error") or {}
        if wanted == "succeeded" and state == "failed":
            self.jobs[job] = "failed"  # once is enough
            self.note("failed_by_disk", f"{error['name']}, {error['message']}")
        elif wanted == "clean":
            self._give_up(job, "undone", f"a job that was cleaned is {state}")
        elif state != wanted:
            mishap = "lost" if wanted == "succeeded" else "undone"
            self._give_up(job, mishap, f"{state} instead of {wanted}, {error.get('message')}")
        elif state == "succeeded" and not self.is_whole(job):
            self._give_up(job, "broken", "a result does not decode whole")

    def _give_up(self, job: str, mishap: str, words: str) -> None:
        self.note(mishap, words)
        self.jobs.pop(job, None)

    def is_whole(self, job: str) -> bool:
        """There is a result, from the first picture to the last."""
        try:
            return reencoding.frames_in(self.state / "spool" / job / "result") == reencoding.FRAMES
        except (OSError, av.FFmpegError):
            return False

    def hold(self) -> None:
        """Renders begin, and go no further."""
        (self.home / "hold").touch()

    def let_go(self) -> None:
        """Renders go on."""
        (self.home / "hold").unlink(missing_ok=True)

    # Looks

    def look(self) -> None:
        """Whether all that is promised is there, in the store and in the spool; nothing ends."""
        self.read_log()
        self._look_aside()
        known = {job["id"]: job["state"] for job in self.persist(_listed)}
        for job, wanted in list(self.jobs.items()):
            state = known.get(job)
            if wanted == "clean" if state is None else state in ("queued", "running", wanted):
                self._look_at_files(job, state)
            else:
                mishap = "lost" if wanted == "succeeded" else "undone"
                self._give_up(job, mishap, f"{state or 'unknown'} instead of {wanted}")

    def _look_at_files(self, job: str, state: str | None) -> None:
        if state == "succeeded" and not self.is_whole(job):
            self._give_up(job, "broken", "a result does not decode whole")
        for name in KEPT.get(state or "", set()) - {"result"}:
            path = self.state / "spool" / job / name
            if self.jobs[job] == "succeeded" and not _is(path, self._inputs[name]):
                self._give_up(job, "lost", f"the {name} of a job is not what was handed in")
                break

    def _look_aside(self) -> None:
        for sort in ("corrupt", "unrecorded"):
            for path in self.state.glob(f"*.{sort}-*"):
                self.note("set_aside", path.name)

    def audit(self) -> None:
        """After a last clean restart every job has come out, once and whole; no more is left."""
        self.let_go()
        if self.life and not self.life.ended():
            self.stop()
        self.start()
        for job in list(self.jobs):
            self.check(job)
        self.look()
        self._look_for_leftovers()
        self.stop()
        self._look_for_twins()
        self.read_log()

    def _look_for_leftovers(self) -> None:
        known = {job["id"]: job["state"] for job in self.persist(_listed)}
        spool = self.state / "spool"
        kept = {spool / job / name for job in known for name in KEPT.get(known[job], ())}
        done = (job for job, state in known.items() if state == "succeeded")
        kept |= {spool / job / name for job in done for name in SPARE}
        kept |= {path.parent for path in kept}
        for path in sorted(set(spool.rglob("*")) - kept):
            self.note("leftovers", f"{path.name} of a job that is {known.get(path.parent.name)}")

    def _look_for_twins(self) -> None:
        """No job has succeeded twice, says the store of the life that has ended."""
        often = (
            "SELECT job FROM happenings WHERE state = 'succeeded' GROUP BY job HAVING count(*) > 1"
        )
        with closing(sqlite3.connect(self.state / "jobs.sqlite")) as db:
            for _ in db.execute(often):
                self.note("twice", "a job succeeded twice")


def _ready(client: Client) -> bool:
    while not client.ask("health")["ready"]:
        time.sleep(PAUSE)
    return True


def _listed(client: Client) -> list[Mapping[str, Any]]:
    """All jobs there are."""
    found: list[Mapping[str, Any]] = []
    before: dict[str, object] = {}
    while page := client.ask("list", **before)["jobs"]:
        found += page
        before = {"before": page[0]["id"]}
    return found


def _is(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False
