"""What is asked of files beside a render: a probe, a preview of a result, a review of one."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from lipsyncctl.client.fetch import Destination
from lipsyncctl.client.job import Job
from lipsyncctl.client.jobs import Jobs
from lipsyncctl.client.session import open_session
from lipsyncctl.client.submit import STARTING, Source, open_input
from lipsyncctl.client.told import Answer, given
from lipsyncd.errors import DiskFull, InvalidRequest, MalformedMessage
from lipsyncd.protocol.choices import name_of
from lipsyncd.protocol.connection import Message
from lipsyncd.protocol.wire import HINT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lipsyncd.protocol.review import Review

AGAIN = "Choose another place, and ask again."


class Preflights(Jobs):
    """What may be asked of files before there is a job of them, or after; nothing of it stays."""

    def probe(
        self,
        face: Source,
        voice: Source | Sequence[Source] = (),
        *,
        pictures: Sequence[Source] = (),
        label: str | None = None,
        **options: Any,
    ) -> Answer:
        """What a render would meet in a face, and in voices for it: streams, faces, gaps, cuts,
        how long the result would be and take, `warnings`, and as `error` why it would fail.

        Files, `label` and `options` are those of `submit`.  Raises UnreadableMedia and others of
        the face, QueueFull while another is under way, QueueDraining, QueueWarming.

        >>> for words in client.probe("speaker.mp4", "hello.wav")["warnings"]: print(words)
        """
        files, whose = [face, *voices_of(voice), *pictures], given({"label": label})
        with self._asked("probe", files, options, **whose) as probed:
            return probed.body

    def preview(
        self,
        face: Source,
        voice: Source | Sequence[Source],
        to: str | os.PathLike[str],
        /,  # `to` is an option as well
        *,
        at: float = 0.0,
        frames: int = 1,
        pictures: Sequence[Source] = (),
        label: str | None = None,
        **options: Any,
    ) -> Answer:
        """Write a PNG of the frame at a time of the result, in seconds; or of several, evenly
        spread from there to its end.  The answer has the `size` in bytes.

        Raises what `probe` raises and a render would, and InvalidRequest for a time that the
        result does not have, or if `to` cannot be written.

        >>> client.preview("speaker.mp4", "hello.wav", "frame.png", at=3.2, blend="soft")
        """
        files = [face, *voices_of(voice), *pictures]
        paths = [os.fspath(each) for each in files if isinstance(each, str | os.PathLike)]
        destination = Destination.of(os.fspath(to), paths)
        if os.path.splitext(destination.name)[1].lower() != ".png":
            self.on_notice("The preview is a PNG, whatever its name says.")
        fields = given({"at": at, "frames": frames, "label": label})
        with self._asked("preview", files, options, **fields) as previewed:
            if not previewed.descriptors:
                raise MalformedMessage("The daemon sent no file with its answer.", HINT)
            receive(destination, previewed.descriptors[0], int(str(previewed.body["size"])))
            return previewed.body

    def review(self, job: str) -> "tuple[Job, Review]":
        """How a result came out: the job, with the `changes` of its state in its message as
        `recount` has them; and what a look at it, and at what it was made of, has told.

        Raises JobNotEnded, NoResult, and QueueFull while another is under way.

        >>> job, review = client.review("k3v9q2m7x0ab")
        """
        from lipsyncd.protocol.review import MOST_BYTES, Review  # noqa: PLC0415  # seldom wanted

        with self._asked("review", job=job) as reviewed:
            if not reviewed.descriptors:
                raise MalformedMessage("The daemon sent no file with its answer.", HINT)
            content = os.pread(reviewed.descriptors[0], MOST_BYTES, 0)
            try:
                return Job(reviewed.body), Review.from_bytes(content)
            except (KeyError, TypeError, ValueError) as error:
                raise MalformedMessage("The daemon sent what is no review.", HINT) from error

    @contextmanager
    def _asked(
        self,
        verb: str,
        files: Sequence[Source] = (),
        options: dict[str, Any] | None = None,
        **fields: object,
    ) -> Iterator[Message]:
        """The reply, in a session of its own."""
        if options is not None:
            named = {name_of(field): value for field, value in options.items()}
            fields["options"] = given(named)
        with ExitStack() as stack:
            opened = [stack.enter_context(open_input(each)) for each in files]
            started = open_session(self.address, starting=STARTING, notice=self.on_notice)
            session = stack.enter_context(started)
            # None: the daemon copies the files before it looks at them
            yield stack.enter_context(session.ask(verb, None, opened, **fields))


def voices_of(voice: Source | Sequence[Source]) -> list[Source]:
    """One, or several."""
    return list(voice) if isinstance(voice, list | tuple) else [cast(Source, voice)]


def receive(destination: Destination, descriptor: int, size: int) -> None:
    """Raises DiskFull, InvalidRequest."""
    try:
        destination.receive(descriptor, size)
    except (DiskFull, InvalidRequest) as error:
        error.hint = AGAIN  # the daemon keeps none
        raise
