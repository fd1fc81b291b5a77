"""Tasks: the jobs that a command line or a manifest stands for, each with its files and options."""

import glob
import os
import re
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from lipsyncctl.client.client import Client
from lipsyncctl.client.fetch import Place
from lipsyncctl.client.key import MADE_UP
from lipsyncctl.verbs.choices import options_of
from lipsyncctl.verbs.ending import destination_of
from lipsyncctl.verbs.verb import DASH
from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.options import Options

BLANK = re.compile(r"\{(face|voice|number)\}")
KEY = f"{MADE_UP}batch-"  # what keys that are made of files and options begin with


@dataclass(frozen=True)
class Task:
    """A job to be handed in, and where its result is wanted; `arguments` has the rest that was
    typed for it."""

    face: str
    voices: tuple[str, ...]
    arguments: Namespace
    destination: Place | None = None

    @property
    def files(self) -> list[str]:
        """All that it is made of, but for what comes on stdin."""
        _, pictures = options_of(self.arguments)
        return [each for each in (self.face, *self.voices, *pictures) if each != DASH]

    @property
    def key(self) -> str | None:
        """The same for the same files with the same options, so that a batch can be repeated;
        None if nobody knows them: one comes on stdin, or is gone."""
        import hashlib  # noqa: PLC0415  # help needs none
        import json  # noqa: PLC0415  # likewise

        if DASH in (self.face, *self.voices):
            return None
        options, _ = options_of(self.arguments)
        try:
            found = [os.stat(each) for each in self.files]
        except OSError:
            return None
        known = [os.path.realpath(each) for each in self.files]
        made = [known, [(each.st_size, each.st_mtime_ns) for each in found], options]
        return KEY + hashlib.sha256(json.dumps(made).encode()).hexdigest()[:32]


def is_batch(arguments: Namespace, tasks: Sequence[Task]) -> bool:
    """Whether there may be several, however many there are: what is there already then stays."""
    return bool(arguments.manifest or len(tasks) > 1 or BLANK.search(output_of(arguments)))


def output_of(arguments: Namespace) -> str:
    """What -o says, or nothing."""
    return getattr(arguments, "output", None) or ""


def tasks_of(arguments: Namespace) -> list[Task]:
    """In the order in which they were typed.  Raises InvalidRequest, UnreadableMedia."""
    typed = bool(arguments.faces or arguments.voices)
    if arguments.manifest and not typed:
        from lipsyncctl.verbs.manifest import rows  # noqa: PLC0415  # seldom wanted

        given = rows(arguments.manifest, arguments)
        return [Task(row.faces[0], tuple(row.voices), row) for row in given]
    if arguments.manifest:
        raise InvalidRequest("A manifest names faces and voices itself.", "Leave out the others.")
    if not (arguments.faces and arguments.voices):
        raise InvalidRequest(
            "A job takes a face and a voice.", "Name them, as `speaker.mp4 -a hello.wav`."
        )
    faces, voices = matching(arguments.faces), matching(arguments.voices)
    is_dialogue = len(voices) > 1 and len(arguments.who or ()) == len(voices)
    spoken = [tuple(voices)] if is_dialogue else [(each,) for each in voices]
    tasks = [Task(face, each, arguments) for face, each in product(faces, spoken)]
    if arguments.key is not None and len(tasks) > 1:
        hint = "Leave --key out: a batch has keys of its own, so it can be repeated."
        raise InvalidRequest("A key is for one job.", hint)
    return tasks


def matching(names: Iterable[str]) -> list[str]:
    """The names, and for each pattern that is no name the files that it fits; each once."""
    found = []
    for name in names:
        is_pattern = glob.has_magic(name) and not os.path.lexists(name)
        found += (is_pattern and sorted(glob.glob(name))) or [name]
    return list(dict.fromkeys(found))


def placed(client: Client, tasks: Sequence[Task]) -> list[Task]:
    """With the places of their results, which can be written to and differ.

    Raises InvalidRequest.
    """
    found = []
    for number, task in enumerate(tasks, 1):
        if task.arguments.output is None:
            raise InvalidRequest(
                f"Nothing says where the result of {task.face} is written.",
                "Add -o, as 'out/{face}-{voice}.mp4', or a column `output`.",
            )
        name = filled(task.arguments.output, task, number)
        place = destination_of(client, name, task.files)
        found.append(replace(task, arguments=settled(task.arguments, place), destination=place))
    once(found)
    return found


def once(tasks: Iterable[Task]) -> None:
    """Raise InvalidRequest if two results have one place."""
    places = [task.destination for task in tasks if task.destination]
    name, most = Counter(place.path or place.name for place in places).most_common(1)[0]
    if most > 1:
        hint = "Put {face}, {voice} or {number} into the name."
        raise InvalidRequest(f"{most} results would be written to {name}.", hint)


def filled(template: str, task: Task, number: int) -> str:
    """The template with the names of the files, without folders and endings, and the number."""
    stems = [os.path.splitext(os.path.basename(each))[0] for each in (task.face, *task.voices)]
    face, *voices = ["stdin" if stem == DASH else stem for stem in stems]
    blanks = {"face": face, "voice": "+".join(voices), "number": str(number)}
    return BLANK.sub(lambda blank: blanks[blank[1]], template)


def settled(arguments: Namespace, place: Place) -> Namespace:
    """The format is the one that is asked for, else the one that the result's name promises.

    Raises InvalidRequest if these two differ.
    """
    if arguments.format:
        place.refuse_other(arguments.format)
    elif place.format != Options.format:  # which an older daemon need not be told
        return Namespace(**vars(arguments) | {"format": place.format})
    return arguments
