"""The device process: the models on one device, and batches for all renders that are attached.

It speaks with the daemon, which asks for proofs, and over a channel of its own with each render.
It is the only process that imports torch, and it never sees a file of a user.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from setproctitle import setproctitle

from lipsyncd.errors import (
    DeviceLost,
    DeviceMemoryFull,
    InternalError,
    InvalidRequest,
    LipsyncError,
)
from lipsyncd.model.exchange import Exchange, new_memory
from lipsyncd.model.residency import Models, Wanted, load_models
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import Kind
from lipsyncd.system import journal
from lipsyncd.system.catalog import GPU_LOST, emit
from lipsyncd.system.parent import connected, leave

log = logging.getLogger(__name__)


def main() -> None:
    """Load what the daemon wants, then serve until it hangs up."""
    with connected() as daemon:
        message = daemon.receive()
        if message is None:
            return
        models = loaded(daemon, message.body)
        if models is None:
            return
        described = models.describe()
        setproctitle(f"lipsyncd: device {described['device']}")
        journal.always(LIPSYNCD_DEVICE=described["device"])
        daemon.send(Kind.REPLY, described)
        Process(daemon, models).serve()


def loaded(daemon: Connection, wanted: dict[str, Any]) -> Models | None:
    """The models, resident and checked; None if they cannot be had, which the daemon is told."""
    setproctitle(f"lipsyncd: device {wanted['device']}")
    paths = {name: Path(wanted[name]) for name in ("checkpoint", "cache")}
    try:
        return load_models(Wanted(**{**wanted, **paths}), lambda detail: tell(daemon, detail))
    except LipsyncError as error:
        daemon.send(Kind.ERROR, error.as_map())
    except Exception as error:
        log.exception("device: broke while loading")
        broken = InternalError(f"The device broke while loading: {error}.", "Read the log.")
        daemon.send(Kind.ERROR, broken.as_map())
    return None


def tell(daemon: Connection, detail: str) -> None:
    """Something moved."""
    daemon.send(Kind.EVENT, {"detail": detail})


class Process:
    """The models at the service of renders.  The main thread answers the daemon."""

    def __init__(self, daemon: Connection, models: Models) -> None:
        self._daemon = daemon
        self._models = models
        self._channels: set[threading.Thread] = set()
        self._passes = models.passes.count  # at the last proof

    def serve(self) -> None:
        """Until the daemon has hung up and the last render, too."""
        while (message := self._daemon.receive()) is not None:
            with message:
                self._answer(message)
        for channel in list(self._channels):
            channel.join()

    def _answer(self, message: Message) -> None:
        match message.body["verb"]:
            case "attach":
                self._attach(Connection(socket.socket(fileno=message.take())))
            case "prove":
                self._reply(self._proven)
            case "describe":
                self._reply(self._models.describe)

    def _reply(self, act: Callable[[], Mapping[str, object]]) -> None:
        """What comes of it, or its error; after that of a device that is lost the process ends."""
        try:
            self._daemon.send(Kind.REPLY, act())
        except LipsyncError as error:
            self._daemon.send(Kind.ERROR, error.as_map())
            if isinstance(error, DeviceLost):
                leave(error.code)

    def _proven(self) -> Mapping[str, object]:
        """Passes for jobs prove that the device works; without any it has to make one.

        The answer is what it uses then.
        """
        before, self._passes = self._passes, self._models.passes.count
        if before == self._passes:
            self._models.prove()
        return self._models.memory

    def _attach(self, channel: Connection) -> None:
        thread = threading.Thread(target=self._serve, args=[channel], name="channel", daemon=True)
        self._channels = {each for each in self._channels if each.is_alive()} | {thread}
        thread.start()

    def _serve(self, channel: Connection) -> None:
        """The thread of a render's channel: a batch, its mouths, and so on until it hangs up."""
        rows, conventions = self._models.batch, self._models.conventions
        memory = new_memory(rows, conventions.side)
        try:
            with channel:
                exchange = Exchange(memory, rows, conventions.side)
                hello = {
                    "rows": rows,
                    "conventions": asdict(conventions),
                    "fingerprint": self._models.fingerprint,
                }
                channel.send(Kind.EVENT, hello, [memory])
                while (message := channel.receive()) is not None:
                    with message:
                        channel.send(*self._made(exchange, message.body))
        except DeviceLost as error:
            emit(GPU_LOST, "%s %s", error.message, error.hint, cause=error.__cause__)
            leave(error.code)
        except (LipsyncError, TimeoutError) as error:
            log.warning("device: a render was hung up on: %s", error)
        finally:
            os.close(memory)

    def _made(
        self, exchange: Exchange, body: Mapping[str, object]
    ) -> tuple[Kind, dict[str, object]]:
        """Mouths of the rows that a request says; its reply.  Raises DeviceLost, InvalidRequest."""
        rows, lower = body.get("rows"), body.get("lower") is True
        if type(rows) is not int or not 0 < rows <= exchange.rows:
            raise InvalidRequest(f"{rows} rows were asked for.", "Ask for what there is room for.")
        inputs = (exchange.crops, exchange.windows, exchange.references)
        crops, windows, references = (np.array(each[:rows]) for each in inputs)
        try:
            mouths = self._models.mouths(crops, windows, lower, references)
        except DeviceMemoryFull as error:
            return Kind.ERROR, error.as_map()
        (exchange.halves() if lower else exchange.mouths)[:rows] = mouths
        return Kind.REPLY, {"rows": rows}


if __name__ == "__main__":
    main()
    leave(0)
