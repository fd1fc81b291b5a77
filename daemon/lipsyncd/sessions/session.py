"""One client: its requests come in one after the other, and each gets its reply or its error."""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress

from lipsyncd.connection import Connection, Message
from lipsyncd.errors import (
    AccessDenied,
    InternalError,
    InvalidRequest,
    LipsyncError,
    MalformedMessage,
    MessageTooLarge,
    ProtocolError,
    UnsupportedVerb,
    VersionMismatch,
)
from lipsyncd.host.events import AUTH_DENIED, PROTOCOL_ERROR, emit
from lipsyncd.house import House
from lipsyncd.sessions.request import HungUp, Peer, Reply, Request
from lipsyncd.sessions.verbs import DESCRIPTORS, VERBS
from lipsyncd.wire import HINT, Kind

log = logging.getLogger(__name__)

MAX_WORDS = 1000  # characters of an error that may quote what a client sent
IN_DOUBT = (MalformedMessage, MessageTooLarge, VersionMismatch)  # what follows cannot be trusted


class Session:
    """A conversation with one client, from its hello until somebody hangs up."""

    def __init__(self, connection: Connection, peer: Peer, house: House) -> None:
        self._connection = connection
        self._peer = peer
        self._house = house
        self._is_welcome = False

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

    def _receive(self) -> Message | None:
        try:
            return self._connection.receive()
        except LipsyncError as error:
            self._refuse(error, None)
            return None

    def _answer(self, message: Message) -> None:
        """One reply or one error; HungUp if the conversation cannot go on."""
        number = _number_of(message)
        try:
            self._reply(self._handle(message, number), number)
        except HungUp:
            raise
        except LipsyncError as error:
            self._refuse(error, number)
            if isinstance(error, IN_DOUBT):
                raise HungUp from error
        except Exception:
            log.exception("session of %s: %s broke", self._peer, message.body.get("verb"))
            broken = InternalError("The request broke.", "Ask the operator to read the log.")
            self._refuse(broken, number)

    def _handle(self, message: Message, number: int | None) -> Reply:
        """The reply of the verb's handler."""
        verb = self._verb_of(message)
        request = Request(
            self._house,
            self._peer,
            message.body,
            line=self._connection.fileno(),
            descriptors=message.descriptors,
            tell=lambda event, fields: self._tell(event, fields, number),
        )
        reply = VERBS[verb](request)
        self._is_welcome = True
        return reply

    def _verb_of(self, message: Message) -> str:
        """The verb of a request that is fit to be handled."""
        verb = message.body.get("verb")
        if message.kind is not Kind.REQUEST or _number_of(message) is None:
            raise MalformedMessage("A message is not a request with a number.", HINT)
        if not self._is_welcome and verb != "hello":
            raise MalformedMessage("A session begins with hello.", HINT)
        if not isinstance(verb, str) or verb not in VERBS:
            raise UnsupportedVerb(f"The daemon does not know how to {verb}.", HINT)
        expected = DESCRIPTORS.get(verb, 0)
        if len(message.descriptors) != expected:
            raise InvalidRequest(
                f"{verb} comes with {expected} descriptors, not {len(message.descriptors)}.", HINT
            )
        return verb

    def _reply(self, reply: Reply, number: object) -> None:
        descriptors = [] if reply.descriptor is None else [reply.descriptor]
        try:
            body = {"verb": reply.verb, "id": number, **reply.fields}
            self._send(Kind.REPLY, body, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _tell(self, verb: str, fields: Mapping[str, object], number: object) -> None:
        self._send(Kind.EVENT, {"verb": verb, "id": number, **fields})

    def _refuse(self, error: LipsyncError, number: object) -> None:
        message = error.message[:MAX_WORDS]
        self._tell_refusal(error, message)
        with suppress(HungUp):
            self._send(Kind.ERROR, {"id": number, **error.as_map(), "message": message})

    def _tell_refusal(self, error: LipsyncError, message: str) -> None:
        words = ("session of %s: %s: %s", self._peer, error.name, message)
        client = {"PEER_PID": self._peer.pid, "OWNER_UID": self._peer.uid, "ERROR": error.name}
        if isinstance(error, AccessDenied):
            emit(AUTH_DENIED, *words, **client)
        elif isinstance(error, ProtocolError):
            emit(PROTOCOL_ERROR, *words, **client)
        else:
            log.info(*words)

    def _send(
        self, kind: Kind, body: dict[str, object], descriptors: list[int] | None = None
    ) -> None:
        try:
            self._connection.send(kind, body, descriptors or [])
        except TimeoutError:
            raise HungUp from None


def _number_of(message: Message) -> int | None:
    """The id of a request, which its answers carry as well."""
    number = message.body.get("id")
    return number if type(number) is int else None
