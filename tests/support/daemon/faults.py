"""What goes wrong in the real daemon, under the real unit, because a test wants it to.

A drop-in puts this file on $PYTHONPATH as `sitecustomize`, so that the interpreter of each of the
daemon's processes begins with it, and names one of the functions of `FAULTS` in $FAULT.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

Report = Callable[[str], None]
ENOUGH, PIECE = 4 << 30, 64 << 20  # bytes: what is taken if nobody minds, and how much at once
WATCHDOG_SECONDS = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
STATE = Path(os.environ.get("STATE_DIRECTORY", "."))


def say(what: str) -> None:
    """A line in the journal, with the moment in it: journald may be late."""
    os.write(2, f"fault: {time.time():.6f} {what}\n".encode())


def is_first() -> bool:
    """Whether this is asked for the first time, in whatever life."""
    try:
        (STATE / "went-wrong").touch(exist_ok=False)
        return True
    except FileExistsError:
        return False


# In the daemon


def held_interpreter() -> None:
    """A native call that lets no other thread run for 0.8 of the watchdog's time."""
    from lipsyncd.processes.renderer import ProcessRenderer  # noqa: PLC0415

    def hold() -> None:
        say("holds the interpreter")
        ctypes.PyDLL(None).usleep(int(0.8 * WATCHDOG_SECONDS * 1e6))
        say("lets go")

    before_third(ProcessRenderer, "check", hold)


def hung_queue() -> None:
    """The thread that starts jobs hangs, once in all lives."""
    from lipsyncd.processes.renderer import ProcessRenderer  # noqa: PLC0415

    before_third(ProcessRenderer, "check", lambda: hang("the queue") if is_first() else None)


def crash() -> None:
    """Dies at once."""
    os.kill(os.getpid(), signal.SIGSEGV)


def break_out() -> None:
    """Tries what the sandbox is to forbid, and says how each attempt ended."""
    attempts: dict[str, Callable[[], Any]] = {
        "read /home/alice/paper.wav": lambda: Path("/home/alice/paper.wav").read_bytes(),
        "list /home/alice": lambda: os.listdir("/home/alice"),
        "list /root": lambda: os.listdir("/root"),
        "read /etc/shadow": lambda: Path("/etc/shadow").read_bytes(),
        "write /opt/lipsyncd": lambda: Path("/opt/lipsyncd/x").touch(),
        "write /etc/lipsyncd": lambda: Path("/etc/lipsyncd/x").touch(),
        "write /usr": lambda: Path("/usr/x").touch(),
        "open /dev/fuse": lambda: os.open("/dev/fuse", os.O_RDWR),
        "open a network socket": lambda: socket.socket(socket.AF_INET),
        "become root": lambda: os.setuid(0),
        "make a namespace": lambda: ctypes_call("unshare", 0x10000000),
        "trace PID 1": lambda: os.readlink("/proc/1/exe"),
    }

    def attempt(_report: Report) -> None:
        say(json.dumps({what: outcome(how) for what, how in attempts.items()}))

    before_load("lipsyncd.main", "open_renderer", attempt)


def outcome(how: Callable[[], Any]) -> str:
    try:
        how()
        return "done"
    except OSError as error:
        return type(error).__name__


def ctypes_call(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


# In a device's process


def slow_load() -> None:
    """A load of five seconds, in which something moves all the time."""

    def creep(report: Report) -> None:
        for step in range(10):
            report(f"reading a slow disk: {10 * step} %")
            time.sleep(0.5)

    before_load("lipsyncd.model.residency", "load_models", creep)


def stalled_load() -> None:
    """A load in which nothing moves."""
    before_load("lipsyncd.model.residency", "load_models", lambda _report: hang("the load"))


def hung_device() -> None:
    """A proof that hangs, once in all lives."""
    before_third(models(), "prove", lambda: hang("the device") if is_first() else None)


def wrong_device() -> None:
    """A proof that finds other weights than were loaded, once in all lives."""
    before_third(models(), "prove", lambda: forget_weights() if is_first() else None)


def lost_device() -> None:
    """A job loses the device in its third batch, once in all lives."""
    before_third(models(), "mouths", lambda: lose() if is_first() else None)


def broken_context() -> None:
    """The GPU's context breaks before a job's third batch, once in all lives."""
    before_third(models(), "mouths", lambda: break_context() if is_first() else None)


def models() -> type:
    from lipsyncd.model.residency import Models  # noqa: PLC0415

    return Models


def lose() -> None:
    from lipsyncd.errors import DeviceLost  # noqa: PLC0415

    say("the device is lost")
    raise DeviceLost("The device fell off the bus.", "Put it back.")


def break_context() -> None:
    import torch  # noqa: PLC0415

    say("a kernel fails an assertion")
    torch.zeros(1, device="cuda")[torch.tensor([7], device="cuda")]


def forget_weights() -> None:
    import torch  # noqa: PLC0415

    say("the device forgets its weights")
    with torch.inference_mode():
        for found in gc.get_objects():
            if type(found) in (torch.Tensor, torch.nn.Parameter) and found.dim() == 4:
                found.zero_()


# In a render's process.  What has to be known of files is found out before: it opens none.


def slow_render() -> None:
    """A quarter of a second more for each batch."""
    after_step(lambda _number: time.sleep(0.25))


def held_render() -> None:
    """Each job stays in its second batch until something is in the file `go-on` beside the state.

    It is made here.
    """
    door = open_in_renders("go-on")

    def hold(number: int) -> bool:
        time.sleep(0.05)
        return number == 1 and not os.fstat(door).st_size

    after_step(hold, lambda options: options.box is None)  # not in the warm-up


def escaping_render() -> None:
    """A render that asks for the worst quality tries to get out, and says how each attempt ended.

    What it tries on the daemon it tries on the process that is named in the file `neighbour`, too.
    """
    from support.cage import escapes  # noqa: PLC0415

    file = open_in_renders("neighbour")

    def escape(number: int) -> None:
        if number == 1:
            others = {"the daemon": os.getppid(), "a neighbour": int(os.pread(file, 9, 0))}
            own = first_open(stat.S_ISREG), first_open(stat.S_ISSOCK)
            say(json.dumps(escapes.outcomes(*own, others)))

    after_step(escape, is_the_worst)


def open_in_renders(name: str) -> int:
    """A file beside the state, made now and kept open: a render opens none."""
    from lipsyncd.render import process  # noqa: PLC0415

    file = os.open(STATE / name, os.O_CREAT | os.O_RDONLY, 0o600)
    close_in = process.close_in
    process.close_in = lambda kept, bounds: close_in([*kept, file], bounds)
    return file


def first_open(is_kind: Callable[[int], bool]) -> int:
    """An own descriptor of a kind."""
    for number in range(3, 64):
        with suppress(OSError):
            if is_kind(os.fstat(number).st_mode):
                return number
    raise LookupError


def hung_render() -> None:
    """A render that asks for the worst quality hangs in its second batch."""
    after_step(lambda number: hang("the render") if number == 1 else None, is_the_worst)


def poisoned_render() -> None:
    """A render that asks for the worst quality crashes in its second batch."""

    def crash_at_second(number: int) -> None:
        if number == 1:
            say("the job is poison")
            crash()

    after_step(crash_at_second, is_the_worst)


def hungry_render() -> None:
    """A render that asks for the worst quality takes memory in its second batch, without end."""

    def eat(number: int) -> None:
        if number == 1:
            say("the render takes memory")
            taken = [bytearray(b"x") * PIECE for _ in range(ENOUGH // PIECE)]
            say(f"the render was given {len(taken) * PIECE} bytes")

    after_step(eat, is_the_worst)


def is_the_worst(options: Any) -> bool:
    return bool(options.crf == 51)


def after_step(
    act: Callable[[int], Any], is_meant: Callable[[Any], bool] = lambda _options: True
) -> None:
    """Do this after each batch of a render that is meant, and again after a sign of life if it says
    so."""
    from lipsyncd.render import process  # noqa: PLC0415

    render = process.render

    def acting(options: Any, *inputs: Any, **more: Any) -> Iterator[Any]:
        number = 0
        for step in render(options, *inputs, **more):
            while step.done and is_meant(options) and act(number):
                yield step
            yield step
            number += bool(step.done)

    process.render = acting


# In any of them


def before_load(module: str, name: str, act: Callable[[Report], None]) -> None:
    """Do this before the function that loads something."""
    place = import_module(module)
    load = getattr(place, name)

    def acting(wanted: Any, report: Report) -> Any:
        act(report)
        return load(wanted, report)

    setattr(place, name, acting)


def before_third(kind: type, name: str, act: Callable[[], None]) -> None:
    """Do this before the third call of a method."""
    method, calls = getattr(kind, name), count(1)

    def acting(*inputs: Any, **more: Any) -> Any:
        if next(calls) == 3:
            act()
        return method(*inputs, **more)

    setattr(kind, name, acting)


def hang(what: str) -> None:
    say(f"{what} hangs")
    threading.Event().wait()


FAULTS = {
    "lipsyncd": (held_interpreter, hung_queue, crash, break_out),
    "lipsyncd.model.process": (
        slow_load,
        stalled_load,
        hung_device,
        wrong_device,
        lost_device,
        broken_context,
    ),
    "lipsyncd.render.template": (
        slow_render,
        held_render,
        escaping_render,
        hung_render,
        poisoned_render,
        hungry_render,
    ),
}
for program, faults in FAULTS.items():
    # the daemon is no module there, and lipsyncctl, which is its ExecReload, is not the daemon
    if program in [Path(word).name for word in sys.orig_argv[:4]]:
        for fault in faults:
            if fault.__name__ == os.environ.get("FAULT"):
                fault()
