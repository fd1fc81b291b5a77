"""What every failure is: a name on the wire, an exit code, and two sentences."""

from collections.abc import Iterator, Mapping


class LipsyncError(Exception):
    """A failure with a name on the wire.

    `message` is one sentence that tells what happened, `hint` one that tells what to do next.
    `code` is the exit code a program ends with; `retryable` says that the same request may
    succeed later, and `retry_after_ms` when, if that is known. Subclasses are grouped by who has
    to act.
    """

    name: str = "internal"
    code: int = 70
    retryable: bool = False
    retry_after_ms: int | None = None

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_map(self) -> dict[str, object]:
        """The error as it travels; retry_after_ms only where it is known."""
        fields = ("code", "name", "message", "hint", "retryable")
        later = {} if self.retry_after_ms is None else {"retry_after_ms": self.retry_after_ms}
        return {name: getattr(self, name) for name in fields} | later

    @classmethod
    def from_map(cls, fields: Mapping[str, object]) -> "LipsyncError":
        """The error a map describes; a name this version does not know stays a LipsyncError."""
        name = str(fields.get("name", "internal"))
        known = {each.name: each for each in LipsyncError.family()}
        family = known.get(name, LipsyncError)
        error = family(str(fields.get("message", "")), str(fields.get("hint", "")))
        if family is LipsyncError:
            error.name = name
            code = fields.get("code")
            error.code = code if isinstance(code, int) else cls.code
            error.retryable = fields.get("retryable") is True
        later = fields.get("retry_after_ms")
        error.retry_after_ms = later if type(later) is int else None
        return error

    @classmethod
    def family(cls) -> Iterator["type[LipsyncError]"]:
        """Every class below this one that has a name of its own."""
        for child in cls.__subclasses__():
            if "name" in vars(child):
                yield child
            yield from child.family()
