"""The first tab: a voice, faces, what a look at them tells, and jobs of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Self

import gradio as gr

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.options import WHO
from lipsyncweb import options, show
from lipsyncweb.folder import Folder
from lipsyncweb.jobs import Clients, Jobs
from lipsyncweb.looking import Looking, Person, Probe
from lipsyncweb.users import User
from lipsyncweb.watch import Watch
from lipsyncweb.words import language_of, words_in

MEDIA = 6  # widgets that hold them: see Brought.of
CHOICES = "(...all) => [...all.slice(0, -1), lipsync.choices()]"  # whose lips move, as JSON


@dataclass
class Parts:
    """What the page is built with."""

    clients: Clients
    folder: Folder
    looking: Looking
    watch: Watch


@dataclass(frozen=True)
class Asking:
    """Who does something on the page, and in which tab."""

    jobs: Jobs
    user: str
    tab: str
    language: str

    @property
    def words(self) -> Any:
        """In their language."""
        return words_in(self.language)


@dataclass(frozen=True)
class Brought:
    """What a tab has for jobs: paths of voices and faces; `who` says whose the voices are, if there
    are two."""

    voices: list[Any]
    faces: list[Any]
    who: str | None = None

    @classmethod
    def of(cls, given: Sequence[Any]) -> Self:
        """What the widgets hold, in the page's order."""
        voice, spoken, second, pair, faces, filmed = given
        voices = [*filter(None, [voice or spoken, second])]
        return cls(voices, [*(faces or []), *filter(None, [filmed])], pair if voices[1:] else None)

    @property
    def is_enough(self) -> bool:
        """Whether there is something to be rendered."""
        return bool(self.voices and self.faces)


class Make:
    """What happens on the first tab; files come as paths below the folder of uploads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def looked(self, request: gr.Request, *given: Any) -> Iterator[str]:
        """Pieces of HTML, one for each face, as more and more is known of them."""
        asking = self._asking(request)
        try:
            held = self._hold(asking, Brought.of(given))
        except LipsyncError as error:
            yield error_of(error)
            return
        if not asking.jobs.can_look:
            yield note(asking.words["unseen"]) if held.faces else ""
            return
        cards: dict[Path, str] = {face: self._card(asking, face) for face in held.faces}
        yield "".join(cards.values())
        for face in held.faces:
            for card in self._seen(asking, face, held):
                cards[face] = card
                yield "".join(cards.values())

    def preview(self, request: gr.Request, *given: Any) -> str:
        """A frame of the result of the first face."""
        media, (at, *values, choices) = given[:MEDIA], given[MEDIA:]
        asking, brought = self._asking(request), Brought.of(media)
        if not brought.is_enough:
            return note(asking.words["choose_first"])
        if not asking.jobs.can_look:
            return note(asking.words["unseen"])
        try:
            held = self._hold(asking, brought)
            face = held.faces[0]
            wanted = self._options(values, choices, face, held)
            looking = self._parts.looking
            picture = looking.preview(asking.jobs, face, held.voices, at or 0.0, **wanted)
        except LipsyncError as error:
            return error_of(error)
        alt = escape(asking.words["preview"])
        return f'<img class="preview" src="{show.inline(picture)}" alt="{alt}">'

    def preview_again(self, request: gr.Request, shown: str | None, *given: Any) -> Any:
        """The same frame with other options, if one was asked for."""
        return self.preview(request, *given) if shown else gr.skip()

    def render(self, request: gr.Request, *given: Any) -> tuple[Any, ...]:
        """Hands in a job for each face; the media, words, and the tab to be shown.

        What was not taken stays on the page.
        """
        media, (*values, choices) = given[:MEDIA], given[MEDIA:]
        asking, brought = self._asking(request), Brought.of(media)
        if not brought.is_enough:
            return *media, note(asking.words["choose_first"]), gr.skip()
        left, why = list(brought.faces), None
        try:
            held = self._hold(asking, brought)
            for face in held.faces:
                wanted = self._options(values, choices, face, held)
                self._hand_over(asking, face, held.voices, wanted)
                left.pop(0)
            self._parts.folder.release(asking.tab)
        except LipsyncError as error:
            why = error
        self._parts.watch.look()
        count = len(brought.faces) - len(left)
        done = note(asking.words["submitted"].format(count)) if count else ""
        voice, spoken, second, pair, _, filmed = media
        if why:
            files = [each for each in left if each != filmed]
            more = (files or None, filmed if filmed in left else None)
            return voice, spoken, second, pair, *more, done + error_of(why), gr.skip()
        return None, None, None, pair, None, None, done, gr.Tabs(selected="jobs")

    def admits(self, request: gr.Request) -> Any:
        """Whether the tab of the service is shown."""
        return gr.Tab(visible=request.request.state.user.is_admin)

    def closed(self, request: gr.Request) -> None:
        """The tab is gone, or was cut off."""
        self._parts.folder.leave(self._asking(request).tab)

    def _hand_over(
        self, asking: Asking, face: Path, voices: list[Path], wanted: dict[str, Any]
    ) -> None:
        job = asking.jobs.submit(face, voices, **wanted)
        looking, is_seen = self._parts.looking, asking.jobs.can_look
        picture = looking.picture(asking.jobs, face) if is_seen else None
        self._parts.folder.keep(job.id, face, picture)

    def _hold(self, asking: Asking, brought: Brought) -> Brought:
        """The same as paths that stay; what the tab had beside them goes."""
        folder = self._parts.folder
        held = folder.hold(asking.user, asking.tab, [*brought.voices, *brought.faces])
        folder.release_others(asking.tab, held)
        count = len(brought.voices)
        return Brought(held[:count], held[count:], brought.who)

    def _seen(self, asking: Asking, face: Path, held: Brought) -> Iterator[str]:
        """What is known of a face: first what a probe tells, then with pictures."""
        looking = self._parts.looking
        try:
            told = looking.probe(asking.jobs, face, held.voices, held.who)
            yield self._card(asking, face, told)
            if told["faces"] and not held.who:  # which says whose lips move
                yield self._card(asking, face, told, looking.people(asking.jobs, face, told))
        except LipsyncError as error:
            yield self._card(asking, face, error=error)

    def _card(
        self,
        asking: Asking,
        face: Path,
        told: Probe | None = None,
        people: list[Person] | None = None,
        error: LipsyncError | None = None,
    ) -> str:
        why = f"{error.message} {error.hint}" if error else ""
        if told and told["error"]:
            why = f"{told['error']['message']} {told['error']['hint']}"
        more = {"id": face.parent.name[:16], "people": people or []}
        return show.found(face.name, told, why, asking.language, **more)

    def _options(self, values: Any, choices: str, face: Path, held: Brought) -> dict[str, Any]:
        """The options of a job of this face.  Raises InvalidRequest."""
        who = held.who or json.loads(choices or "{}").get(face.parent.name[:16])
        chosen = options.chosen(values)
        return chosen | ({"who": who} if who in WHO and who != "largest" else {})

    def _asking(self, request: gr.Request) -> Asking:
        user: User = request.request.state.user
        language = language_of(request.headers.get("accept-language", ""))
        tab = f"{user.name}/{request.session_hash}"
        return Asking(Jobs(*self._parts.clients(user)), user.name, tab, language)


def note(words: str) -> str:
    """Something that went well."""
    return f'<p class="note" role="status">{escape(words)}</p>'


def error_of(error: LipsyncError) -> str:
    """Something that did not."""
    return f'<p class="why" role="alert">{escape(error.message)} {escape(error.hint)}</p>'
