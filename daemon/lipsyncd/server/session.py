"""One client: its requests come in one after the other, and each gets its reply or its error."""

import logging
import os
from contextlib import suppress

from lipsyncd.errors import (
    InternalError,
    InvalidRequest,
    LipsyncError,
    MalformedMessage,
    MessageTooLarge,
    UnsupportedVerb,
    VersionMismatch,
)
from lipsyncd.protocol.wire import HINT, Kind
from lipsyncd.server.client import ClientConnection, ClientMessage
from lipsyncd.server.peer import Peer
from lipsyncd.server.refusals import Refusals
from lipsyncd.server.request import Reply, Request
from lipsyncd.server.stream import HungUp, Stream
from lipsyncd.server.verbs import DESCRIPTORS, VERBS
from lipsyncd.service.controlplane import ControlPlane
from lipsyncd.system.disk import named

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0  # for the first message to begin
IDLE_SECONDS = 60.0  # for the next one
MAX_WORDS = 1000  # characters of an error that may quote what a client sent
LOST = (
    "Connect to the daemon's own Unix socket on this machine: files travel as descriptors, "
    "which no proxy and no tunnel (ssh -L) carries."
)
IN_DOUBT = (MalformedMessage, MessageTooLarge, VersionMismatch)  # what follows cannot be trusted


class Session:
    """A conversation with one client, from its hello until somebody hangs up."""

    def __init__(
        self,
        connection: ClientConnection,
        peer: Peer,
        controlplane: ControlPlane,
        refusals: Refusals | None = None,
    ) -> None:
        """`refusals` are shared by all sessions; without them this one has its own."""
        self._connection = connection
        self._peer = peer
        self._controlplane = controlplane
        self._refusals = refusals or Refusals()
        self._is_welcome = False
        self._number: int | None = None  # of the last request

    def run(self) -> None:
        """Answer until the end; nothing a client does comes out of here."""
        try:
            while message := self._receive():
                with message:
                    self._answer(message)
        except HungUp:
            pass
        except Exception:
            log.exception("session of %s: broke", self._peer)

    def _receive(self) -> ClientMessage | None:
        """The next message, None if the session is over."""
        try:
            return self._connection.receive(IDLE_SECONDS if self._is_welcome else HELLO_SECONDS)
        except TimeoutError:
            if not self._is_welcome:
                self._refuse(MalformedMessage("No hello came in time.", HINT), None)
        except LipsyncError as error:
            self._refuse(error, None)
        return None

    def _answer(self, message: ClientMessage) -> None:
        """One reply or one error; HungUp if the conversation cannot go on."""
        number = message.body.get("id")
        try:
            self._reply(self._handle(message), number)
        except HungUp:
            raise
        except LipsyncError as error:
            self._refuse(error, number if type(number) is int else None)
            if isinstance(error, IN_DOUBT):
                raise HungUp from error
        except Exception as error:
            self._refuse(named(error) or self._broken(), number)

    def _broken(self) -> InternalError:
        log.exception("session of %s: a request broke", self._peer)
        return InternalError("The request broke.", "Ask the operator to read the log.")

    def _handle(self, message: ClientMessage) -> Reply:
        """The reply of the verb's handler."""
        self._number = self._number_of(message)
        verb = self._verb_of(message)
        stream = Stream(self._connection, self._number)
        request = Request(self._controlplane, self._peer, message.body, message.files, stream)
        reply = VERBS[verb](request)
        self._is_welcome = True
        return reply

    def _number_of(self, message: ClientMessage) -> int:
        """The id of a request, which nothing else in this session has had."""
        if message.kind is not Kind.REQUEST:
            raise MalformedMessage(f"A client sent a message of kind {message.kind.name}.", HINT)
        number = message.body.get("id")
        if type(number) is not int:
            raise MalformedMessage("The id of a request is not a whole number.", HINT)
        if self._number is not None and number <= self._number:
            raise MalformedMessage(f"The id {number} of a request came after {self._number}.", HINT)
        return number

    def _verb_of(self, message: ClientMessage) -> str:
        """The verb of a request that is fit to be handled."""
        verb = message.body.get("verb")
        if not self._is_welcome and verb != "hello":
            raise MalformedMessage("A session begins with hello.", HINT)
        if not isinstance(verb, str) or verb not in VERBS:
            raise UnsupportedVerb(f"The daemon does not know how to {verb}.", HINT)
        expected = DESCRIPTORS.get(verb, range(1))
        _check_descriptors(verb, message.count, expected)
        return verb

    def _reply(self, reply: Reply, number: object) -> None:
        descriptors = [] if reply.descriptor is None else [reply.descriptor]
        try:
            body = {"verb": reply.verb, "id": number, **reply.fields}
            self._send(Kind.REPLY, body, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _refuse(self, error: LipsyncError, number: object) -> None:
        message = error.message[:MAX_WORDS]
        self._refusals.tell(self._peer, error, message)
        with suppress(HungUp):
            self._send(Kind.ERROR, {"id": number, **error.as_map(), "message": message})

    def _send(
        self, kind: Kind, body: dict[str, object], descriptors: list[int] | None = None
    ) -> None:
        try:
            self._connection.send(kind, body, descriptors or [])
        except TimeoutError:
            raise HungUp from None


def _check_descriptors(verb: str, found: int, expected: range) -> None:
    """Raise InvalidRequest; where there are too few, something on the way has mostly lost them."""
    least, most = expected[0], expected[-1]
    if found < least:
        raise InvalidRequest(f"{found} of the {least} descriptors of {verb} came in.", LOST)
    if found > most:
        words = f"{least} to {most}" if most > least else str(most)
        raise InvalidRequest(f"{verb} comes with {words} descriptors, not {found}.", HINT)
