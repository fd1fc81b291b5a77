"""A machine that a real systemd has booted, with lipsyncd installed: what tests/systemd talk to."""

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from support.media.clips import clip
from support.paths import ROOT, VOICES

VOICE = str(VOICES / "paper.wav")
WITH_SYSTEMD = Path(__file__).with_name("with-systemd")
# An installation (with DESTDIR) and the daemon's cache; both survive the machines.
CACHE = ROOT / ".cache/systemd"
INSTALLED = CACHE / "root"
PREFIX = "/opt/lipsyncd"
# The interpreter of the installation: one that a service without a home can execute.
PYTHON = "/usr/bin/python3"
TIMEOUT = 180  # seconds for what is waited for
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FAULTS = "/usr/local/share/faults"
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")

Entry = dict[str, Any]
Done = subprocess.CompletedProcess[str]
Process = subprocess.Popen[str]


def event(name: str) -> str:
    """What matches the daemon's entries of this name."""
    return f"MESSAGE_ID={uuid5(NAMESPACE_DNS, f'lipsyncd/{name}').hex}"


def time_of(entry: Entry) -> float:
    """When the journal got it."""
    return int(entry["__REALTIME_TIMESTAMP"]) / 1e6


def why_not() -> str:
    """Why no machine can be booted here; empty if one can."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    for program in ("systemd-run", "dbus-daemon", "unshare", PYTHON):
        if not shutil.which(program):
            return f"booting a systemd needs {program} (see .ci/run for the packages)"
    tried = subprocess.run([WITH_SYSTEMD, "true"], capture_output=True, text=True, check=False)
    return f"no systemd can be booted here: {tried.stderr.strip()}" if tried.returncode else ""


class Machine:
    """Runs commands in a booted machine, and reads its journal."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def inside(self, path: str) -> Path:
        """The machine's path, as seen from here."""
        return Path(f"/proc/{self._pid}/root{path}")

    def started(self, *words: str, user: str = "root", **how: Any) -> Process:
        """A command that runs there, as one of its users."""
        enter = ["nsenter", f"--target={self._pid}", *NAMESPACES, "env", f"PATH={PATH}"]
        become = [] if user == "root" else ["runuser", f"--user={user}", "--"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how
        return subprocess.Popen(
            [*enter, *become, *words], stdin=subprocess.DEVNULL, cwd="/", **pipes
        )

    def tried(self, *words: str, user: str = "root", **how: Any) -> Done:
        """A command, run to its end, however it ends."""
        with self.started(*words, user=user, **how) as process:
            try:
                answer, notices = process.communicate()
            except BaseException:
                process.kill()
                raise
            return subprocess.CompletedProcess(words, process.returncode, answer, notices)

    def run(self, *words: str, user: str = "root", **how: Any) -> str:
        """What a command that must succeed says."""
        done = self.tried(*words, user=user, **how)
        assert done.returncode == 0, f"{' '.join(words)}: {done}\n{self.story()}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """A file that everybody may read."""
        self.run("mkdir", "--parents", str(Path(path).parent))
        self.inside(path).write_text(text, encoding="utf-8")
        self.inside(path).chmod(0o644)

    def files(self) -> set[str]:
        """All that is where an installation could leave something."""
        tops = ("/etc", "/usr/local", "/var/lib", "/var/cache")
        return set(self.run("find", *tops, "-not", "-type", "d").splitlines())

    def new_user(self, name: str, *groups: str) -> Path:
        """A user with a home that is closed to others and has a face and a voice; the home."""
        self.run("useradd", "--create-home", f"--groups={','.join(groups)}", name)
        self.run(
            "install",
            f"--owner={name}",
            "--mode=0600",
            VOICE,
            str(clip("single_face.jpg")),
            f"/home/{name}",
        )
        self.run("chmod", "0700", f"/home/{name}")
        return Path("/home", name)

    def submit(self, *options: str, face: str = "single_face.mp4") -> str:
        """A job of 105 frames; its id."""
        return self.run("lipsyncctl", "submit", "--voice", VOICE, *options, str(clip(face)))

    def running(self) -> list[str]:
        """The ids of two jobs that run: as many as may at once."""
        jobs = [self.submit(), self.submit()]
        for job in jobs:
            self.entry(event("JOB_STARTED"), f"LIPSYNCD_JOB_ID={job}")
        return jobs

    @contextmanager
    def client(self, face: str = "single_face.mp4") -> Iterator[Process]:
        """A client that waits for such a job, to write it to /root/out.mp4."""
        words = ("run", "--voice", VOICE, "--output", "/root/out.mp4", str(clip(face)))
        with self.started("lipsyncctl", *words) as process:
            try:
                yield process
            finally:
                process.kill()

    def job(self, job: str) -> dict[str, Any]:
        """What the daemon says of a job."""
        found: dict[str, Any] = json.loads(self.run("lipsyncctl", "--json", "status", job))["job"]
        return found

    def drop_in(self, *lines: str, unit: str = "lipsyncd.service", name: str = "test") -> None:
        """Change a unit's [Service] section."""
        path = f"/etc/systemd/system/{unit}.d/{name}.conf"
        self.write(path, "\n".join(["[Service]", *lines, ""]))
        self.run("systemctl", "daemon-reload")

    def sabotage(self, fault: str, *lines: str, unit: str = "lipsyncd.service") -> None:
        """Let one of support/daemon/faults.py happen in the daemon; `lines` as for `drop_in`."""
        self.write(
            f"{FAULTS}/sitecustomize.py", (ROOT / "tests/support/daemon/faults.py").read_text()
        )
        self.drop_in(f"Environment=PYTHONPATH={FAULTS} FAULT={fault}", *lines, unit=unit)

    def moment_of(self, fault: str) -> float:
        """When the fault said that it happens; waited for."""
        return float(self.line("fault: ", fault).split()[1])

    def line(self, *parts: str) -> str:
        """The first line of the daemon's in which these are, waited for."""
        for entry in self.following("_SYSTEMD_UNIT=lipsyncd.service"):
            if all(part in entry["MESSAGE"] for part in parts):
                return str(entry["MESSAGE"])
        raise AssertionError(f"nobody said {parts}:\n{self.story()}")

    def show(self, name: str, unit: str = "lipsyncd.service") -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", f"--property={name}", "--value", unit)

    def wait_until(self, name: str, words: str, unit: str = "lipsyncd.service") -> None:
        """Wait until a property has these words; systemd offers no event for most."""
        end = time.monotonic() + TIMEOUT
        while words not in self.show(name, unit):
            assert time.monotonic() < end, f"{name} never had {words!r}:\n{self.story()}"
            time.sleep(0.05)

    def entries(self, *matches: str, least: int = 0, since: float = 0.0) -> list[Entry]:
        """What the journal has, oldest first: at `least` so many, waited for, with all that it had
        been sent by then.

        A daemon that lives sends its entries behind its answers: who looks for some says how many.
        """
        if least:
            with closing(self.following(*matches, since=since)) as coming:
                list(islice(coming, least))
        self.run("journalctl", "--sync")
        options = ["--output=json", "--all", f"--since=@{since:.6f}"]
        lines = self.run("journalctl", "--quiet", *options, *matches).splitlines()
        return [json.loads(line) for line in lines]

    def following(self, *matches: str, since: float = 0.0) -> Iterator[Entry]:
        """What the journal has, then what it gets; ends when that takes too long."""
        options = ["--follow", "--no-tail", "--output=json", "--all", f"--since=@{since:.6f}"]
        with self.started("timeout", str(TIMEOUT), "journalctl", *options, *matches) as process:
            try:
                yield from map(json.loads, process.stdout)
            finally:
                process.kill()

    def entry(self, *matches: str, since: float = 0.0) -> Entry:
        """The first that matches, waited for."""
        with closing(self.following(*matches, since=since)) as entries:
            found = next(entries, None)
        assert found, f"nothing in the journal that is {matches}:\n{self.story()}"
        return found

    def story(self) -> str:
        """The end of the journal, for whoever has to understand a failure."""
        return self.tried("journalctl", "--no-pager", "--lines=60", "--output=short-precise").stdout


@contextmanager
def booted(*options: str) -> Iterator[Machine]:
    """A machine, which is gone at the end; `options` are those of with-systemd."""
    command = [WITH_SYSTEMD, *options, "sh", "-c", "echo up; read end"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        try:
            assert process.stdout.readline() == "up\n", "with-systemd did not come up"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            yield Machine(int(children.split()[-1]))
        finally:
            process.stdin.close()


@contextmanager
def assembled() -> Iterator[Machine]:
    """A machine on which `make install` has been run, and with a warm cache."""
    cache = CACHE / "cache"
    cache.mkdir(exist_ok=True)
    binds = {INSTALLED / PREFIX[1:]: PREFIX, cache: "/var/cache/private/lipsyncd"}
    with booted(*(f"--bind={src}:{dst}" for src, dst in binds.items())) as machine:
        for part in ("usr", "etc"):
            machine.run(
                "cp", "--archive", "--no-target-directory", f"{INSTALLED}/{part}", f"/{part}"
            )
        machine.run("systemd-sysusers", "lipsyncd.conf")
        machine.run("journalctl", "--update-catalog")
        machine.run("systemctl", "daemon-reload")
        yield machine


def install(run: str) -> None:
    """What `make install` leaves, for all machines of this run of tests, whoever comes first."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "run").open("a+") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        done.seek(0)
        if done.read() != run:
            goals = ["install", "install-farm"]
            command = ["make", "--silent", *goals, f"DESTDIR={INSTALLED}", f"PYTHON={PYTHON}"]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            done.truncate(0)
            done.write(run)
