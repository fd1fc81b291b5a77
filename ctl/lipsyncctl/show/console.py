"""What lipsyncctl says: answers on stdout, as JSON if asked for, everything else on stderr.

Answers are on stderr as well where stdout is for the result itself.
"""

import os
import sys

from lipsyncctl.client.told import Told
from lipsyncctl.show.notices import Notices
from lipsyncctl.show.wording import sentence
from lipsyncd.errors import LipsyncError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Console:
    """Three channels: `json` for programs or `words` for people as answers, `notice` on stderr."""

    def __init__(self, is_json: bool, answers: "TextIO") -> None:
        self.is_json = is_json
        self.answers = answers
        self.line = Notices(sys.stderr)  # where notices go, which may be redrawn

    def answer(self, message: Told, words: str) -> None:
        """A message of the wire, and the words that say the same."""
        self.json(message)
        self.words(words)

    def json(self, message: Told) -> None:
        """An answer for programs. The number of the request means nothing outside its session."""
        if self.is_json:
            import json  # noqa: PLC0415  # people need none

            fields = {key: value for key, value in message.items() if key != "id"}
            print(json.dumps(fields), file=self.answers, flush=True)

    def words(self, words: str) -> None:
        """An answer for people."""
        if not self.is_json:
            print(words, file=self.answers, flush=True)

    def notice(self, words: str) -> None:
        """What is worth knowing beside the answer."""
        self.line.notice(words)

    def error(self, error: LipsyncError, job: str | None = None) -> None:
        """An error, which is also the answer; `job` is the one that was asked about."""
        self.notice(sentence(error.as_map()))
        of = {} if job is None else {"job": job}
        self.json({"verb": "error"} | error.as_map() | of)

    @property
    def can_ask(self) -> bool:
        """There is somebody who reads questions and answers them."""
        return not self.is_json and sys.stdin.isatty() and sys.stderr.isatty()

    def confirms(self, question: str) -> bool:
        """Whether somebody says yes; also if there is nobody to ask."""
        if not self.can_ask:
            return True
        self.line.write(f"lipsyncctl: {question} [y/N] ")
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def columns(self) -> int | None:
        """The width of the terminal that shows the answers, None if it is none."""
        if not self.answers.isatty():
            return None
        return os.get_terminal_size(self.answers.fileno()).columns or None
