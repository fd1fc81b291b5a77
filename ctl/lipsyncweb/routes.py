"""What is asked beside Gradio: events, results, faces, cancel, retry, the service."""

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse

from lipsyncctl import Client, Job
from lipsyncctl.show.job import ending
from lipsyncd.errors import AccessDenied, LipsyncError, NoResult
from lipsyncweb import show
from lipsyncweb.folder import Folder
from lipsyncweb.jobs import Clients, Jobs
from lipsyncweb.refusals import refused
from lipsyncweb.result import sent, zipped
from lipsyncweb.users import User
from lipsyncweb.watch import Tab, Watch
from lipsyncweb.words import language_of, words_in

NEWEST = 100  # jobs that are drawn unless somebody wants more
QUIET = 15.0  # seconds after which a stream says that it lives
MOST_STREAMS = 500
LOG_LINES = 40
Stretch = Annotated[dict[str, Any], Body()]
REDO = {"expression", "audio_offset", "blend", "silence"}
# one source, in front of which no proxy waits for more
STREAMED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Routes:
    """The answers; each asks for the jobs of the user who asks."""

    def __init__(self, clients: Clients, folder: Folder, watch: Watch) -> None:
        self._clients = clients
        self._folder = folder
        self._watch = watch
        self._streams = 0
        self.router = APIRouter()
        get, post = self.router.get, self.router.post
        get("/alive")(lambda: Response(status_code=204))
        get("/jobs/events")(self.events)
        get("/jobs.zip")(self.zip)
        get("/jobs/{id}/result")(self.result)
        get("/jobs/{id}/face")(self.face)
        get("/jobs/{id}/picture")(self.picture)
        get("/jobs/{id}/story")(self.story)
        for name in ("cancel", "retry", "remove", "redo"):
            post(f"/jobs/{{id}}/{name}")(getattr(self, name))
        get("/service")(self.service)
        post("/service/drain")(self.drain)
        post("/service/resume")(self.resume)

    def jobs_of(self, request: Request) -> Jobs:
        """Of whoever the gate has let in."""
        return Jobs(*self._clients(user_of(request)))

    async def events(
        self, request: Request, most: Annotated[int, Query(ge=1)] = NEWEST
    ) -> Response:
        """Rows of the newest jobs as they change, until the tab is gone."""
        if self._streams >= MOST_STREAMS:
            return Response(status_code=503)
        tab = Tab(user_of(request).name, self.jobs_of(request))
        drawing = Drawing(self._folder, language(request), most)

        async def stream() -> AsyncIterator[str]:
            self._streams += 1
            self._watch.open(tab)
            try:
                while True:
                    news = await tab.next(QUIET)
                    if news is None:
                        yield ": alive\n\n"
                    else:  # many rows take a while
                        yield await run_in_threadpool(drawing.told, news)
            finally:
                self._watch.close(tab)
                self._streams -= 1

        return StreamingResponse(stream(), 200, STREAMED, "text/event-stream")

    def result(self, request: Request, id: str, download: bool = False) -> Response:
        """The file, or a part of it."""
        jobs = self.jobs_of(request)
        return sent(jobs.result(id), request.headers.get("range"), download)

    def zip(self, request: Request, id: str = "") -> Response:
        """The results of these jobs, joined by commas; of none, of all that have one."""
        jobs = self.jobs_of(request)
        wanted = set(filter(None, id.split(",")))
        ids = [
            job.id
            for job in jobs.list()
            if job.state == "succeeded" and (not wanted or job.id in wanted)
        ]
        return zipped({each: partial(jobs.result, each) for each in ids})

    def face(self, request: Request, id: str) -> Response:
        """What a job was made of, if it is still here."""
        return self._file(id, self._folder.face(self.jobs_of(request).of(id).id), None)

    def picture(self, request: Request, id: str) -> Response:
        """A small picture of it."""
        path = self._folder.picture(self.jobs_of(request).of(id).id)
        return self._file(id, path, "image/jpeg")

    def _file(self, id: str, path: Path | None, kind: str | None) -> Response:
        if path is None:
            raise NoResult(f"The face of job {id} is not here any more.", "Upload it once more.")
        known = kind or media_type(path)
        return FileResponse(path, media_type=known, headers={"Cache-Control": "private"})

    def story(self, request: Request, id: str) -> Response:
        """What became of it."""
        return HTMLResponse(show.story(self.jobs_of(request).story(id), language(request)))

    def cancel(self, request: Request, id: str) -> Response:
        """It ends."""
        return self._done(lambda jobs: jobs.cancel(id), request)

    def retry(self, request: Request, id: str) -> Response:
        """Once more."""
        return self._done(lambda jobs: self._again(jobs, id, None), request)

    def remove(self, request: Request, id: str) -> Response:
        """It is forgotten."""

        def act(jobs: Jobs) -> None:
            jobs.remove(id)
            self._folder.forget(id)

        return self._done(act, request)

    def redo(self, request: Request, id: str, asked: Stretch) -> Response:
        """A stretch anew: JSON with `from`, `to` and options."""
        stretch = asked.get("from") or 0.0, asked.get("to")
        options = {name: value for name, value in asked.items() if name in REDO}
        return self._done(lambda jobs: self._again(jobs, id, stretch, **options), request)

    def _again(self, jobs: Jobs, id: str, redo: Any, **options: Any) -> Job:
        job = jobs.retry(id, redo, **options)
        face, picture = self._folder.face(id), self._folder.picture(id)
        if face:
            self._folder.keep(job.id, face, picture.read_bytes() if picture else None)
        return job

    def _done(self, act: Callable[[Jobs], object], request: Request) -> Response:
        act(self.jobs_of(request))
        self._watch.look()
        return Response(status_code=204)

    def service(self, request: Request) -> Response:
        """Health, the newest jobs, the log; for admins."""
        client = self._operated(request)
        newest = [ending(job) for job in reversed(client.list(10))]
        found = {"health": client.health(), "newest": newest, "log": log()}
        return HTMLResponse(show.drawn("service", language(request), **found))

    def drain(self, request: Request) -> Response:
        """No more jobs are taken; for admins of the page, if the daemon takes the page for one."""
        self._operated(request).drain()
        return Response(status_code=204)

    def resume(self, request: Request) -> Response:
        """They are taken again."""
        self._operated(request).resume()
        return Response(status_code=204)

    def _operated(self, request: Request) -> Client:
        user = user_of(request)
        if not user.is_admin:
            raise AccessDenied("This is for admins.", "Ask one of them.")
        return self._clients(user)[0]


class Drawing:
    """What a tab shows, so that it is told what has changed alone."""

    def __init__(self, folder: Folder, language: str, most: int) -> None:
        self._folder = folder
        self._language = language
        self._most = most
        self._shown: dict[str, Job] = {}

    def told(self, news: list[Job] | LipsyncError) -> str:
        """An event of the stream."""
        if isinstance(news, LipsyncError):
            return event({"away": words_in(self._language)["away"]})
        jobs = news[-self._most :]
        shown = {job.id: job for job in reversed(jobs)}
        rows = {
            id: show.row(job, self._language, self._folder.picture(id) is not None)
            for id, job in shown.items()
            if id not in self._shown or dict(job) != dict(self._shown[id])
        }
        order = list(shown) if list(shown) != list(self._shown) else None
        self._shown = shown
        return event({"rows": rows, "order": order, "more": len(news) - len(jobs)})


def event(data: dict[str, Any]) -> str:
    """As server-sent events have it."""
    return f"data: {json.dumps(data)}\n\n"


def user_of(request: Request) -> User:
    """Whom the gate has let in."""
    user: User = request.state.user
    return user


def language(request: Request) -> str:
    """Of the browser."""
    return language_of(request.headers.get("accept-language", ""))


def media_type(path: Path) -> str:
    """What a browser may take a face for: a picture or a video, and never a page."""
    pictures = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".gif": "gif"}
    pictures |= {".avif": "avif"}
    ending = path.suffix.lower()
    return f"image/{pictures[ending]}" if ending in pictures else "video/mp4"


def log() -> str:
    """The last lines of the daemon's log, if this machine has a journal that we may read."""
    words = ["journalctl", "--unit=lipsyncd", "--no-pager", f"--lines={LOG_LINES}", "--quiet"]
    how: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 5}
    try:
        return subprocess.run([*words, "--output=short-iso"], check=False, **how).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def on_error(_request: Request, error: Exception) -> Response:
    """What goes wrong is told by its name."""
    assert isinstance(error, LipsyncError)
    return refused(error)
