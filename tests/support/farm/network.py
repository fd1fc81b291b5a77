"""A network of a farm's own: each host in a namespace, whose link can be cut; it takes root."""

import os
import subprocess
from contextlib import ExitStack, suppress
from typing import Self

PORT = 6399  # of Redis, at the near end of each link


def can_have_networks() -> bool:
    """Whether this process may make namespaces, and has what makes them."""
    name = f"lf{os.getpid()}"
    with suppress(FileNotFoundError, subprocess.CalledProcessError):
        ip("netns", "add", name)
        ip("netns", "del", name)
        return True
    return False


class Link:
    """A namespace and the pair of devices that leads to it."""

    def __init__(self, number: int) -> None:
        self.space = f"lf{os.getpid()}-{number}"
        self.address = f"10.213.{number}.1"
        self._near, far = (f"lf{end}{os.getpid() % 100_000}-{number}" for end in "nf")
        ip("netns", "add", self.space)
        ip("link", "add", self._near, "type", "veth", "peer", "name", far)
        ip("link", "set", far, "netns", self.space)
        ip("address", "add", f"{self.address}/30", "dev", self._near)
        ip("link", "set", self._near, "up")
        for words in (
            ("address", "add", f"10.213.{number}.2/30", "dev", far),
            ("link", "set", far, "up"),
            ("link", "set", "lo", "up"),
        ):
            ip("-netns", self.space, *words)

    @property
    def broker(self) -> str:
        """Redis, as it is seen from there."""
        return f"redis://{self.address}:{PORT}/0"

    @property
    def inside(self) -> list[str]:
        """What comes before a command that runs there."""
        return ["ip", "netns", "exec", self.space]

    def cut(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        ip("link", "set", self._near, "down")

    def heal(self) -> None:
        ip("link", "set", self._near, "up")

    def close(self) -> None:
        ip("link", "del", self._near)
        ip("netns", "del", self.space)


class Network:
    """Links to so many hosts."""

    def __init__(self, hosts: int) -> None:
        self._stack = ExitStack()
        self.links: list[Link] = []
        for number in range(hosts):
            self.links.append(link := Link(number))
            self._stack.callback(link.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def of_redis(self) -> list[str]:
        """How its server listens there."""
        addresses = [link.address for link in self.links]
        return ["--port", str(PORT), "--bind", *addresses, "--protected-mode", "no"]


def ip(*words: str) -> None:
    """Raises FileNotFoundError, CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True)
