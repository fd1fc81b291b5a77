"""What a client may choose anew for a stretch of a result."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from lipsyncd.protocol.choices import check, field_of, known, refused
from lipsyncd.protocol.options import MAX_VOICES, PLACE, TIME, Options
from lipsyncd.protocol.values import text

# who without a picture: a redo has the files of its job
WHO = text(
    rf"all|({PLACE})( ({PLACE})){{0,{MAX_VOICES - 1}}}",
    "is largest, left, right, all, N (from the left) or X,Y@SECONDS; one for each voice",
)
OPTIONS = {each.name: each.metadata for each in fields(Options)}


def anew(name: str) -> Any:
    """A field like an option's; None leaves that as it was."""
    return OPTIONS[name]["values"].default(None, OPTIONS[name]["words"])


@dataclass(frozen=True)
class Redo:
    """The stretch, in seconds of the result, and the options that are others in it.

    They make pictures only: how long a result is and how it is coded stays as it was.
    """

    from_: float = TIME.default(0.0, "where the stretch begins")
    to: float | None = TIME.default(None, "where it ends; if not given with the result")
    blend: str | None = anew("blend")
    who: str | None = WHO.default(
        None, "whose lips move: largest, left, right, all, N or X,Y@SECONDS; one for each voice"
    )
    box: tuple[int, int, int, int] | None = anew("box")
    silence: str | None = anew("silence")
    expression: float | None = anew("expression")
    audio_offset: int | None = anew("audio_offset")

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def from_map(cls, redo: object) -> Self:
        """What a request says of it; whatever else it says is an InvalidRequest."""
        chosen = known(cls, redo, "redo")
        box = chosen.get("box")
        given = {**chosen, "box": tuple(box) if isinstance(box, list) else box}
        return cls(**{field_of(name): value for name, value in given.items()})

    def applied(self, options: Options) -> Options:
        """The options of the new job, by those of the one that made the result.

        Raises InvalidRequest if the stretch ends before it begins, or if there are fewer or more
        voices than `who` names faces.
        """
        if self.to is not None and self.to <= self.from_:
            raise refused(f"a stretch from {self.from_:g} cannot end at {self.to:g}")
        anew = {name: value for name, value in asdict(self).items() if value is not None}
        chosen = replace(options, **anew | {"to": self.to})
        voices, named = len(options.places), len(chosen.places)
        if named != voices:
            raise refused(f"there are {voices} voices, and who names {named} of those who speak")
        return chosen
