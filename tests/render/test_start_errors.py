"""What keeps a daemon from starting: one sentence that names it, an exit code, never ready."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from support.daemon.process import DaemonProcess

from lipsyncd.config import Config

Start = Callable[..., AbstractContextManager[DaemonProcess]]
Make = Callable[[Path], None]

GOOD = Config().checkpoint


def a_web_page(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><html><body>Quota exceeded</body></html>")


def a_pointer(path: Path) -> None:
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * '0'}\nsize 9\n")


def a_truncated_file(path: Path) -> None:
    path.write_bytes(GOOD.read_bytes()[: GOOD.stat().st_size // 2])


def weights_that_are_no_numbers(path: Path) -> None:
    state = load_file(GOOD)
    first = next(name for name, value in state.items() if value.ndim == 4)
    state[first][0, 0, 0, 0] = np.nan
    save_file(state, path)


def the_face_detector_of_others(path: Path) -> None:
    layers = ("conv1_1", "conv3_3_norm", "conv3_3_norm_mbox_conf")
    torch.save({f"{layer}.weight": torch.zeros(4) for layer in layers}, path)


def nothing(path: Path) -> None:
    assert not path.exists()


BAD = {
    a_web_page: "a web page",
    a_pointer: "a git-LFS pointer",
    a_truncated_file: "damaged or truncated",
    weights_that_are_no_numbers: "not numbers",
    the_face_detector_of_others: "the S3FD face detector",
    nothing: "no checkpoint at",
}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket on which a service manager hears from the daemon."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        yield heard


def refusal_of(start: Start, manager: socket.socket, tmp_path: Path, key: str, make: Make) -> str:
    """What is said of a file that a key of the configuration names, and that ends the start."""
    path = tmp_path / "weights.pth"
    make(path)
    code, said = end_of(start, manager, tmp_path, f'{key} = "{path}"\n')
    assert code == 66
    assert str(path) in said
    return said


@pytest.mark.parametrize("key", ["detector", "landmarker", "recogniser", "sync_expert"])
@pytest.mark.parametrize("make", [a_web_page, nothing], ids=lambda make: make.__name__)
def test_what_renders_look_at_faces_with_has_to_be_there(
    start: Start, manager: socket.socket, tmp_path: Path, make: Make, key: str
) -> None:
    said = refusal_of(start, manager, tmp_path, key, make)
    assert f"Point `{key}` in the configuration at" in said


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_checkpoint_that_is_none_ends_the_start(
    start: Start, manager: socket.socket, tmp_path: Path, make: Make
) -> None:
    assert BAD[make] in refusal_of(start, manager, tmp_path, "checkpoint", make)


def test_a_checkpoint_is_known_by_what_it_holds_and_not_by_its_name(
    start: Start, manager: socket.socket, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    the_face_detector_of_others(path)
    _, said = end_of(start, manager, tmp_path, f'checkpoint = "{path}"\n')
    assert "the S3FD face detector" in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, so it can be used")
def test_a_gpu_that_is_not_there_ends_the_start(
    start: Start, manager: socket.socket, tmp_path: Path
) -> None:
    code, said = end_of(start, manager, tmp_path, 'device = "cuda:0"\n')
    assert code == 69
    assert "cuda:0 is asked for" in said


def end_of(start: Start, manager: socket.socket, directory: Path, toml: str) -> tuple[int, str]:
    """The exit code of a start that fails, and its last words, which are its status, too."""
    with start(directory, toml, NOTIFY_SOCKET=str(directory / "notify")) as process:
        heard = []
        while process.is_alive:  # it is heard all the time, as by systemd: else the queue is full
            heard += told(manager)
        code = process.wait()
    said = (directory / "log").read_text().splitlines()[-1]
    print(f"\n  {code}: {said}")
    heard += told(manager)
    assert heard[-1].removeprefix("STATUS=") in said
    assert "READY=1" not in heard
    assert said.endswith(".")
    return code, said


def told(manager: socket.socket) -> list[str]:
    """Everything the daemon has told."""
    lines: list[str] = []
    manager.setblocking(False)
    while True:
        try:
            lines += manager.recv(1 << 16).decode().splitlines()
        except BlockingIOError:
            return lines
