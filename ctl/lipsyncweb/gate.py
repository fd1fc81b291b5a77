"""What each request has to pass before anything else hears of it.

Its host is one by which the page is called, its path one that the page uses (Gradio has more), its
user is known, it comes from the page itself if it changes anything, and what it brings is bounded.
"""

import json
import re
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsyncd.errors import AccessDenied, FileTooLarge, InvalidRequest, LipsyncError, SessionsFull
from lipsyncweb.folder import Folder
from lipsyncweb.refusals import refused
from lipsyncweb.users import User, Users

UPLOAD = "/gradio_api/upload"
OURS = r"/(jobs(/.*|\.zip)?|service(/.*)?|alive)"
GRADIOS = (
    r"/|/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)/?|/(assets|static|svelte)/.*"
    r"|/gradio_api/(upload|upload_progress|startup-events|theme\.css|queue/(join|data)|reset/?"
    r"|cancel|heartbeat/[^/]+)"
)
OPEN = re.compile(f"{OURS}|{GRADIOS}")
FILE = "/gradio_api/file="
MAX_BODY = 1 << 20  # bytes of a request that is no upload
MAX_DRAINED = 8 << 20
MAX_UPLOADS = 32  # at a time
HEADERS = {
    # whatever a library may have in mind, a browser asks nobody but us
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:;"
    " frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class Gate:
    """ASGI, around the page; `hosts` are what it may be called, with any port."""

    def __init__(self, page: ASGIApp, users: Users, hosts: Collection[str], folder: Folder) -> None:
        self._page = page
        self._users = users
        self._hosts = {each.lower() for each in hosts}
        self._folder = folder
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._page(scope, receive, send)
        if scope["type"] != "http":
            return
        headers = joined(scope["headers"])
        with ExitStack() as stack:
            try:
                await self._let_in(scope, headers, stack)
            except LipsyncError as error:
                await drain(receive)
                await self._refusal(error)(scope, receive, send)
                return
            more = with_headers(send)
            if scope["path"] == UPLOAD:
                more = self._noting(scope["state"]["user"], more)
            await self._page(scope, receive, more)

    async def _let_in(self, scope: Scope, headers: dict[str, str], stack: ExitStack) -> None:
        """Sets the user of a request; raises if it may not go further."""
        name = re.sub(r":\d+$", "", headers.get("host", "")).lower()
        if name not in self._hosts:
            raise InvalidRequest(f"The page is not called {name[:100]}.", "Name it with --host.")
        # argon2 takes a while
        user = await run_in_threadpool(self._users.user_of, headers)
        if user is None:
            raise Unknown("The page does not know who you are.", "Log in.")
        if not self._is_open(scope, user):
            raise NotThere("There is nothing at this address.", "Go to the page itself.")
        scope.setdefault("state", {})["user"] = user
        if scope["method"] not in ("GET", "HEAD"):
            refuse_strangers(headers)
            self._bound(scope["path"], headers, stack)

    def _is_open(self, scope: Scope, user: User) -> bool:
        """Whether the page has this address for this user: of files what they have uploaded."""
        path = scope["path"]
        if path.startswith(FILE):
            return self._folder.is_of(user.name, path.removeprefix(FILE))
        return bool(OPEN.fullmatch(path))

    def _bound(self, path: str, headers: dict[str, str], stack: ExitStack) -> None:
        """Raises if a body may not come; an upload has its room until it is over."""
        length = headers.get("content-length", "")
        if not length.isdecimal():
            if "transfer-encoding" in headers:
                raise InvalidRequest("Its length has to be told first.", "Send Content-Length.")
            length = "0"
        if path != UPLOAD:
            if int(length) > MAX_BODY:
                raise FileTooLarge("The request is too large.", "Upload files as files.")
            return
        if self._uploads >= MAX_UPLOADS:
            raise SessionsFull(
                "Too many files are uploaded at the same time.", "Try again in a moment."
            )
        stack.enter_context(self._folder.coming(int(length)))
        self._uploads += 1
        stack.callback(self._uploaded)

    def _uploaded(self) -> None:
        self._uploads -= 1

    def _noting(self, user: User, send: Send) -> Send:
        """Remembers whose the files are that an upload answers with."""
        body = bytearray()

        async def noted(message: Message) -> None:
            body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                with suppress(ValueError):  # it was refused, in words
                    paths = json.loads(body)
                    self._folder.uploaded(user.name, paths if isinstance(paths, list) else ())
            await send(message)

        return noted

    def _refusal(self, error: LipsyncError) -> JSONResponse:
        response = refused(error)
        if isinstance(error, NotThere):
            response.status_code = 404
        if isinstance(error, Unknown):
            response.status_code = 401
            if self._users.challenge:
                response.headers["www-authenticate"] = self._users.challenge
        return response


class NotThere(InvalidRequest):
    """An address that the page does not have."""


class Unknown(AccessDenied):
    """A request of nobody."""


async def drain(receive: Receive) -> None:
    """Takes the rest of what is refused: who is cut off does not read why.  Not much of it."""
    left = MAX_DRAINED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body"):
            return


def refuse_strangers(headers: dict[str, str]) -> None:
    """Raises AccessDenied if another page sent it with its reader's rights."""
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    is_other = origin is not None and origin.split("://")[-1] != headers.get("host")
    if site not in ("same-origin", "none") or is_other:
        raise AccessDenied("Another page asks for this.", "Use the page itself.")


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By their names; of one that comes twice both, so that nobody adds a user to the proxy's."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1")
        found[name] = f"{found[name]}, {text_of(value)}" if name in found else text_of(value)
    return found


def text_of(value: bytes) -> str:
    """A header as text: names of users are UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def with_headers(send: Send) -> Send:
    """With those that every answer has."""

    async def more(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await send(message)

    return more
