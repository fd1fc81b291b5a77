"""A device: the process that holds the models on it, kept alive by a thread of its own."""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

from lipsyncd.errors import DeviceLost, InternalError, LipsyncError
from lipsyncd.processes.child import Child, Gone
from lipsyncd.queue.renderer import Report
from lipsyncd.queue.selftest import WarmPass
from lipsyncd.system.catalog import DEVICE_RESTARTED, GPU_LOST, emit

LOSSES, LOSS_SECONDS = 3, 600.0  # so many within so long, and a device is given up
BACKOFF_SECONDS = 1.0  # before the first new start, twice as long before the next
LOAD_SECONDS = 120.0  # without a word, and a start hangs


class Device:
    """One device of the configuration, whichever process it is in just now."""

    def __init__(
        self, wanted: Mapping[str, object], interval: float, timeout: float, report: Report
    ) -> None:
        """Load what is wanted; `interval` is between two proofs, `timeout` what one may take.

        Raises what the process says, or DeviceLost.
        """
        self.name = str(wanted["device"])
        self.state = "loading"  # then "ready", and "lost" until it is so again
        self.proven_at = time.monotonic()
        self.broken: LipsyncError | None = None  # why it is given up
        self.restarts = 0  # of its process, that were needed
        self._losses: deque[float] = deque(maxlen=LOSSES)
        self._wanted = wanted
        self._interval = interval
        self._timeout = timeout
        self._talk = threading.Lock()  # one question at a time
        self._retired = threading.Event()
        self._child: Child | None = None
        self._description: Mapping[str, object] = {}
        try:
            self._load(report)
        except Gone as gone:
            raise self._lost(gone) from gone

    def keep(self, on_change: Callable[[Self], None]) -> None:
        """Prove it now and then, and bring it back when it is lost; `on_change` hears of both."""
        name = f"device-{self.name}"
        threading.Thread(target=self._keep, args=[on_change], name=name, daemon=True).start()

    def retire(self) -> None:
        """It ends with the last render that it serves."""
        with self._talk:
            self._retired.set()
            if self._child:
                self._child.retire()

    def channel(self) -> socket.socket | None:
        """A render's end of a new channel; None while there is no process."""
        ours, theirs = socket.socketpair()
        with theirs:
            child = self._child
            if child is None:
                ours.close()
                return None
            with suppress(Gone):  # the render finds it closed, and waits for the next
                child.say({"verb": "attach"}, theirs.fileno())
        return ours

    @property
    def checkpoint(self) -> tuple[str, str]:
        """Its name and its hash."""
        said = self._description
        return str(said["checkpoint"]), str(said["checkpoint_sha256"])

    def check(self) -> None:
        """Raise DeviceLost if it is given up, or if nobody looks after it any more."""
        if self.broken:
            raise self.broken
        late = time.monotonic() - self.proven_at - self._interval - self._timeout
        if self.state == "ready" and late > self._timeout:
            raise InternalError(f"Nobody looks after {self.name}.", "Report the log.")

    def describe(self) -> Mapping[str, object]:
        """What the process says of itself, or said when it could."""
        with suppress(Gone, LipsyncError):
            self._description = self._ask("describe")
        return self._description

    def health(self) -> Mapping[str, object]:
        """How it is, as far as that is known without asking it."""
        child, said = self._child, self._description
        has_own = "device_bytes" in said  # as a GPU has
        return {
            "device": said["device"],
            "state": self.state,
            "resident_bytes": child.resident_bytes if child else 0,
            **({"device_bytes": said["device_bytes"] if child else 0} if has_own else {}),
            "proof_seconds_ago": round(time.monotonic() - self.proven_at, 1),
            "restarts": self.restarts,
        }

    def _load(self, report: Report) -> None:
        child = Child("lipsyncd.model.process")
        try:
            child.say(self._wanted)
            self._description = child.hear(LOAD_SECONDS, report)
        except BaseException:
            child.kill()
            child.finish()
            raise
        with self._talk:
            self._child, self.state, self.proven_at = child, "ready", time.monotonic()
            if self._retired.is_set():
                child.retire()

    def _ask(self, verb: str) -> Mapping[str, object]:
        """Raises Gone, and the error that is the answer."""
        with self._talk:
            if self._child is None or self._retired.is_set():
                raise Gone(f"device {self.name} has no process")
            try:
                self._child.say({"verb": verb})
                return self._child.hear(self._timeout)
            except Gone:
                self._child.kill()  # a late answer would be taken for that to the next question
                raise

    def _prove(self) -> None:
        """It has to answer, and to compute right; it says what it uses now."""
        self._description = {**self._description, **self._ask("prove")}

    def _keep(self, on_change: Callable[[Self], None]) -> None:
        """The thread."""
        warm_pass = WarmPass(self._prove)
        while not self._retired.is_set() and not self.broken:
            try:
                self._rest()
                warm_pass.run()
                self.proven_at = time.monotonic()
            except (Gone, LipsyncError) as reason:
                if not self._retired.is_set():
                    self._bring_back(reason, on_change)
        if self._child:
            self._child.finish()

    def _rest(self) -> None:
        """Wait for the next proof; less long if the process ends."""
        assert self._child
        if self._child.has_ended(self._interval):
            raise self._child.gone()

    def _bring_back(self, reason: Exception, on_change: Callable[[Self], None]) -> None:
        """Start the process anew, however often it takes."""
        while not self.broken:
            self._give_up_process(reason)
            on_change(self)
            if self._retired.wait(BACKOFF_SECONDS * 2 ** (len(self._losses) - 1)):
                return None
            try:
                self._load(lambda _: None)
            except (Gone, LipsyncError) as error:
                reason = error
            else:
                self.restarts += 1
                emit(DEVICE_RESTARTED, "device %s: back", self.name, DEVICE=self.name)
                return on_change(self)
        return None

    def _give_up_process(self, reason: Exception) -> None:
        """End what there is of it, and count."""
        self.state = "lost"
        child, self._child = self._child, None
        if child:
            child.kill()
            child.finish()
        emit(GPU_LOST, "device %s: lost, it is started anew: %s", self.name, reason)
        self._losses.append(time.monotonic())
        if len(self._losses) == LOSSES and self._losses[-1] - self._losses[0] < LOSS_SECONDS:
            self.broken = self._lost(reason)

    def _lost(self, reason: Exception) -> DeviceLost:
        words = f"The device {self.name} was lost: {reason}."
        return DeviceLost(words, "See the journal, and `dmesg` for the driver's report.")
