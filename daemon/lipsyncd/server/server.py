"""Accepts clients at the control socket and gives each a session in a thread of its own."""

import logging
import os
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from lipsyncd.errors import AccessDenied, LipsyncError, SessionsFull
from lipsyncd.protocol.wire import Kind
from lipsyncd.server.client import ClientConnection
from lipsyncd.server.listener import Listener
from lipsyncd.server.peer import Peer
from lipsyncd.server.refusals import SUBORDINATES, Refusals
from lipsyncd.server.session import Session
from lipsyncd.server.subordinate import is_doubtful, refuse_subordinate
from lipsyncd.service.controlplane import ControlPlane

log = logging.getLogger(__name__)

MAX_SESSIONS = 64
KEPT_FOR_ADMINS = 4  # of them, so that a flood can be looked at and ended
MAX_OF_USER = 16  # and of all together whose uids are not known yet
LATER = "Try again once another client has left."
UNREAD_BYTES = 16 << 10  # of what a client was told; with them wait descriptors, which are few
GOODBYE_SECONDS = 2.0  # for all sessions together, when the server closes
LOOK_MS = 2000  # at most so long without a client before a look at whether any would come in
PAUSE_SECONDS = 0.1  # after a client could not be accepted, for lack of descriptors say


@dataclass(frozen=True)
class Guest:
    """Who has a session, and by which connection.

    `is_doubtful` until it is known that its uid is not one that users hand out to themselves;
    `is_seated` unless it must be an admin to stay, and that is not known yet.
    """

    peer: Peer
    connection: ClientConnection
    is_doubtful: bool
    is_seated: bool = True

    @property
    def is_known(self) -> bool:
        """Nothing has to be looked up of it, among users or groups, which may be slow."""
        return self.is_seated and not self.is_doubtful


class Server:
    """The accepting thread and the sessions; it serves from `start` to `close`."""

    def __init__(self, listener: Listener, controlplane: ControlPlane) -> None:
        self._listener = listener
        self._controlplane = controlplane
        self._refusals = Refusals()
        self._lock = threading.Lock()
        self._guests: dict[threading.Thread, Guest] = {}
        self._closing = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._accept, name="accept", daemon=True)

    def start(self) -> None:
        """Serve clients from now on."""
        self._listener.socket.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Accept nobody more and end every session; the listener stays the caller's."""
        os.eventfd_write(self._closing, 1)
        self._thread.join(GOODBYE_SECONDS)
        os.close(self._closing)
        with self._lock:
            guests = dict(self._guests)
        for guest in guests.values():
            guest.connection.hang_up()
        deadline = time.monotonic() + GOODBYE_SECONDS
        for thread in guests:
            thread.join(max(deadline - time.monotonic(), 0))

    def _accept(self) -> None:
        """The accepting thread: client after client, until the server closes."""
        poll = select.poll()
        poll.register(self._listener.socket, select.POLLIN)
        poll.register(self._closing, select.POLLIN)
        while self._closing not in (ready := dict(poll.poll(LOOK_MS))):
            try:
                if not ready:
                    self._listener.look()
                client, _ = self._listener.socket.accept()
                self._welcome(client)
            except BlockingIOError:
                continue  # there is nobody, or it left before we came
            except Exception as error:
                log.error("server: a client could not be accepted: %s", error)
                time.sleep(PAUSE_SECONDS)

    def _welcome(self, client: socket.socket) -> None:
        """Begin a session, or say why not."""
        peer = Peer.of(client)
        connection = ClientConnection(client, self._controlplane.intake, peer.uid)
        try:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
            is_seated = peer.is_operator or self._seated() < MAX_SESSIONS - KEPT_FOR_ADMINS
            guest = Guest(peer, connection, is_doubtful(peer), is_seated)
            if reason := self._no_room_for(guest):
                self._refuse(guest, SessionsFull(reason, LATER))
            else:
                self._begin(guest)
        except BaseException:
            connection.close()
            raise

    def _seated(self) -> int:
        """How many clients have a session that is theirs."""
        with self._lock:
            return sum(each.is_seated for each in self._guests.values())

    def _no_room_for(self, guest: Guest) -> str:
        """Why this client cannot have a session, in a sentence; empty if it can."""
        seated = self._seated()
        with self._lock:
            own = sum(each.peer.uid == guest.peer.uid for each in self._guests.values())
            unknown = sum(not each.is_known for each in self._guests.values())
        if own >= MAX_OF_USER:
            return f"This user has {own} sessions already."
        if not guest.is_known and unknown >= MAX_OF_USER:
            return f"{unknown} clients are still being looked up among the users."
        if seated >= MAX_SESSIONS:
            return f"There are {seated} sessions already."
        return ""

    def _refuse(self, guest: Guest, error: LipsyncError) -> None:
        whose = SUBORDINATES if guest.is_doubtful else ""
        self._refusals.tell(guest.peer, error, error.message, whose)
        with guest.connection as connection, suppress(TimeoutError):
            connection.send(Kind.ERROR, {"id": None, **error.as_map()})

    def _begin(self, guest: Guest) -> None:
        thread = threading.Thread(target=self._serve, args=[guest], name="session", daemon=True)
        with self._lock:  # the thread waits for it to take itself out
            thread.start()
            self._guests[thread] = guest

    def _serve(self, guest: Guest) -> None:
        """The life of a session's thread."""
        try:
            if not guest.is_known:
                self._examine(guest)
            Session(guest.connection, guest.peer, self._controlplane, self._refusals).run()
        except (AccessDenied, SessionsFull) as error:
            self._refuse(guest, error)
        finally:
            with self._lock:  # first: who sees that a session is over may begin another
                del self._guests[threading.current_thread()]
            guest.connection.close()

    def _examine(self, guest: Guest) -> None:
        """Raises AccessDenied for a subordinate uid, SessionsFull without a seat for it.

        Here, since the lists of users and groups may be slow.
        """
        if guest.is_doubtful:
            refuse_subordinate(guest.peer)
        if not guest.is_seated:
            self._refuse_all_but_admins(guest.peer)
        with self._lock:
            seated = sum(each.is_seated for each in self._guests.values())
            if not guest.is_seated and seated >= MAX_SESSIONS:
                raise SessionsFull(f"There are {seated} sessions already.", LATER)
            known = replace(guest, is_doubtful=False, is_seated=True)
            self._guests[threading.current_thread()] = known

    def _refuse_all_but_admins(self, peer: Peer) -> None:
        if not peer.may_act_for(self._controlplane.live_config.config.admin_group):
            raise SessionsFull("The last sessions are kept for admins.", LATER)
