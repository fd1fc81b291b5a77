"""What lipsyncctl says: answers on stdout, as JSON if asked for, everything else on stderr."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from lipsyncctl.show.progress import ProgressLine
from lipsyncctl.show.wording import printable, sentence
from lipsyncd.errors import LipsyncError


@dataclass(frozen=True)
class Console:
    """Answers with JSON, one message of the wire in each line, or in words."""

    is_json: bool

    def tell(self, message: Mapping[str, object], words: str) -> None:
        """An answer, and the words that say the same."""
        self.emit(message)
        self.say(words)

    def emit(self, message: Mapping[str, object]) -> None:
        """An answer for programs. The number of the request means nothing outside its session."""
        if self.is_json:
            fields = {key: value for key, value in message.items() if key != "id"}
            print(json.dumps(fields), flush=True)

    def say(self, words: str) -> None:
        """An answer for people."""
        if not self.is_json:
            print(words, flush=True)

    def note(self, words: str) -> None:
        """A remark beside the answer."""
        print(f"lipsyncctl: {printable(words)}", file=sys.stderr, flush=True)

    def complain(self, error: LipsyncError, job: str | None = None) -> None:
        """An error, which is also the answer; `job` is the one that was asked about."""
        self.note(sentence(error.as_map()))
        self.emit(error.as_map() | ({} if job is None else {"job": job}))

    def columns(self) -> int | None:
        """The width of the terminal that shows the answers, None if it is none."""
        if not sys.stdout.isatty():
            return None
        return os.get_terminal_size(sys.stdout.fileno()).columns or None

    def progress(self) -> ProgressLine:
        """Shows how far a job is."""
        return ProgressLine(sys.stderr)
