"""What goes wrong in the real daemon, under the real unit, because a test wants it to.

A drop-in puts this file on $PYTHONPATH as `sitecustomize`, so that the daemon's interpreter begins
with it, and names one of the functions of `FAULTS` in $FAULT.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

Report = Callable[[str], None]
Load = Callable[[Any, Report], Any]
ENOUGH, PIECE = 4 << 30, 64 << 20  # bytes: what is taken if nobody minds, and how much at once
WATCHDOG_SECONDS = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6


def say(what: str) -> None:
    """A line in the journal, with the moment in it: journald may be late."""
    os.write(2, f"fault: {time.time():.6f} {what}\n".encode())


def is_first_life() -> bool:
    """Whether the daemon did not go wrong before."""
    mark = Path(os.environ["STATE_DIRECTORY"], "went-wrong")
    try:
        mark.touch(exist_ok=False)
        return True
    except FileExistsError:
        return False


def change_load(change: Callable[[Load], Load]) -> None:
    """Put another function in the place of the one that loads the models."""
    from lipsyncd import main  # noqa: PLC0415

    main.load_renderer = change(main.load_renderer)


def before_load(act: Callable[[Report], None]) -> None:
    """Do this, then load."""

    def change(load: Load) -> Load:
        def acting(config: Any, report: Report) -> Any:
            act(report)
            return load(config, report)

        return acting

    change_load(change)


def after_step(act: Callable[[int], None]) -> None:
    """Do this after each step of a render, in the render thread."""

    def change(load: Load) -> Load:
        def loading(config: Any, report: Report) -> Any:
            renderer = load(config, report)
            renderer.render = acting_after_step(renderer.render, act)
            return renderer

        return loading

    change_load(change)


def acting_after_step(render: Callable[..., Any], act: Callable[[int], None]) -> Callable[..., Any]:
    def acting(options: Any, paths: Any) -> Generator[Any, None, None]:
        with closing(render(options, paths)) as steps:
            for number, step in enumerate(steps):
                act(number)
                yield step

    return acting


def at_third_warm_pass(act: Callable[[], None]) -> None:
    """Do this in the first life, just before the third warm pass, in the thread that makes it."""
    passes = count(1)

    def change(load: Load) -> Load:
        def loading(config: Any, report: Report) -> Any:
            renderer = load(config, report)
            renderer.prove = acting(renderer.prove)
            return renderer

        return loading

    def acting(prove: Callable[[], None]) -> Callable[[], None]:
        def acted() -> None:
            if next(passes) == 3 and is_first_life():
                act()
            prove()

        return acted

    change_load(change)


def slow_load() -> None:
    """A load of five seconds, in which something moves all the time."""

    def creep(report: Report) -> None:
        for step in range(10):
            report(f"reading a slow disk: {10 * step} %")
            time.sleep(0.5)

    before_load(creep)


def stalled_load() -> None:
    """A load in which nothing moves."""
    before_load(lambda _report: hang("the load"))


def slow_render() -> None:
    """A quarter of a second more for each batch."""
    after_step(lambda _number: time.sleep(0.25))


def held_render() -> None:
    """Each render stays in its second batch until there is a file `go-on` beside the state."""
    go_on = Path(os.environ["STATE_DIRECTORY"], "go-on")

    def hold(number: int) -> None:
        while number == 1 and not go_on.exists():
            time.sleep(0.05)

    after_step(hold)


def hung_render() -> None:
    """The first life's render hangs in its second batch."""
    after_step(lambda number: hang("the render") if number == 1 and is_first_life() else None)


def hung_device() -> None:
    """A warm pass that hangs."""
    at_third_warm_pass(lambda: hang("the device"))


def wrong_device() -> None:
    """A warm pass that finds other weights than were loaded."""
    at_third_warm_pass(forget_weights)


def lost_device() -> None:
    """The first life's render loses the device in its second batch."""

    def change(number: int) -> None:
        if number == 1 and is_first_life():
            from lipsyncd.errors import DeviceLost  # noqa: PLC0415

            raise DeviceLost("The device fell off the bus.", "Put it back.")

    after_step(change)


def broken_context() -> None:
    """In the first life the GPU's context breaks after a job's second step, and stays broken."""

    def break_it(number: int) -> None:
        if number == 1 and is_first_life():
            import torch  # noqa: PLC0415

            say("a kernel fails an assertion")
            torch.zeros(1, device="cuda")[torch.tensor([7], device="cuda")]

    after_step(break_it)


def poisoned_render() -> None:
    """A job that asks for the worst quality ends the process in its second batch."""

    def change(load: Load) -> Load:
        def loading(config: Any, report: Report) -> Any:
            renderer = load(config, report)
            render, crashing = renderer.render, acting_after_step(renderer.render, crash_at_second)
            renderer.render = lambda options, paths: (crashing if options.crf == 51 else render)(
                options, paths
            )
            return renderer

        return loading

    change_load(change)


def crash_at_second(number: int) -> None:
    if number == 1:
        say("the job is poison")
        crash()


def held_interpreter() -> None:
    """A native call that lets no other thread run for 0.8 of the watchdog's time."""

    def hold(number: int) -> None:
        if number == 1:
            say("holds the interpreter")
            ctypes.PyDLL(None).usleep(int(0.8 * WATCHDOG_SECONDS * 1e6))
            say("lets go")

    after_step(hold)


def hungry_render() -> None:
    """The first life's render takes memory in its second batch, until it is killed for it."""

    def eat(number: int) -> None:
        if number == 1 and is_first_life():
            say("the render takes memory")
            taken = [bytearray(b"x") * PIECE for _ in range(ENOUGH // PIECE)]
            say(f"the render was given {len(taken) * PIECE} bytes")

    after_step(eat)


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

    before_load(attempt)


def outcome(how: Callable[[], Any]) -> str:
    try:
        how()
        return "done"
    except OSError as error:
        return type(error).__name__


def ctypes_call(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


def hang(what: str) -> None:
    say(f"{what} hangs")
    threading.Event().wait()


def forget_weights() -> None:
    import torch  # noqa: PLC0415

    say("the device forgets its weights")
    with torch.inference_mode():
        for found in gc.get_objects():
            if type(found) in (torch.Tensor, torch.nn.Parameter) and found.dim() == 4:
                found.zero_()


FAULTS = (
    slow_load,
    stalled_load,
    slow_render,
    held_render,
    hung_render,
    hung_device,
    wrong_device,
    lost_device,
    broken_context,
    poisoned_render,
    held_interpreter,
    hungry_render,
    crash,
    break_out,
)
if "lipsyncd" in [Path(word).name for word in sys.orig_argv[:3]]:  # not in its ExecReload
    for fault in FAULTS:
        if fault.__name__ == os.environ.get("FAULT"):
            fault()
