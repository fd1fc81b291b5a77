"""What an operator chooses: a frozen Config from a TOML file and the command line."""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lipsyncd.errors import ConfigInvalid
from lipsyncd.protocol.wire import DEFAULT_SOCKET
from lipsyncd.system.disk import unusable

GENERATOR = "lipsync-grid-96.safetensors"
DETECTOR = "face_detection_yunet_2023mar.onnx"
NUMBER = r"\d+"
DEVICES = f"auto|cpu|cuda:{NUMBER}"
GROUPS = "[a-z_][a-z0-9_-]*"
PRESETS = "ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow"


def default_socket() -> Path:
    """$LIPSYNCD_SOCKET, else the system's socket for root, else one of the user."""
    if given := os.environ.get("LIPSYNCD_SOCKET"):
        return Path(given)
    if os.geteuid() == 0:
        return DEFAULT_SOCKET
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return Path(runtime) / "lipsyncd/control.sock"


def default_state() -> Path:
    """$STATE_DIRECTORY (from systemd), else the system's for root, else one of the user."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/lipsyncd")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(home) / "lipsyncd"


def default_checkpoint(name: str) -> Path:
    """The checkpoint in the checkout we run from, else where an installation puts it."""
    checkout = Path(__file__).parents[2] / "checkpoints"
    installed = Path(sys.prefix) / "share/lipsyncd/checkpoints"
    return (checkout if checkout.is_dir() else installed) / name


def whole(default: int, least: int, most: int) -> Any:
    """A field for a whole number from `least` to `most`."""
    return field(default=default, metadata={"range": (least, most)})


def named(default: str, pattern: str, what: str = "") -> Any:
    """A field for text that the whole pattern matches; `what` says so in words."""
    return field(default=default, metadata={"pattern": pattern, "what": what})


@dataclass(frozen=True)
class Render:
    """`[render]`: the trade between pace, memory and quality."""

    # frames that share one forward pass; 0 means 8 on the CPU and 64 on a GPU
    batch: int = whole(0, 0, 512)
    # quality of the encoded result, 0 (best) to 51, where a job does not ask for its own
    crf: int = whole(18, 0, 51)
    # effort of the encoder, as x264 names it
    preset: str = named("veryfast", PRESETS)
    # look for the face in every n-th frame and follow it in between
    detect_every: int = whole(5, 1, 100)
    # jobs that are rendered at the same time and share the generator's batches; one user has at
    # most all but one of them, so that another's first job finds a slot
    max_active: int = whole(3, 1, 64)

    @property
    def max_active_per_user(self) -> int:
        """How many of them may be one user's."""
        return max(1, self.max_active - 1)


@dataclass(frozen=True)
class Limits:
    """`[limits]`: what one client can cost the machine, and all of them together."""

    # the largest face and the largest voice that are accepted
    max_face_bytes: int = whole(4 << 30, 1, 1 << 50)
    max_voice_bytes: int = whole(1 << 30, 1, 1 << 50)
    # the longest voice that is rendered
    max_voice_seconds: int = whole(4 * 3600, 1, 366 * 86_400)
    # jobs that may wait in the queue, in all and of one user
    max_jobs: int = whole(1000, 1, 100_000)
    max_jobs_per_user: int = whole(250, 1, 100_000)
    # what the inputs of jobs that have not ended may take on the disk, in all and of one user
    max_input_bytes: int = whole(64 << 30, 1, 1 << 50)
    max_input_bytes_per_user: int = whole(16 << 30, 1, 1 << 50)
    # how long a render may take, in seconds; a client may choose less for its own
    max_runtime_seconds: int = whole(86_400, 1, 366 * 86_400)
    # with less room than this on the disk of the state the queue pauses
    min_free_bytes: int = whole(256 << 20, 0, 1 << 50)
    # how long a stop waits for the running jobs before they go back to the queue
    drain_seconds: int = whole(50, 0, 86_400)


@dataclass(frozen=True)
class Retention:
    """`[retention]`: how long ended jobs are kept.

    Beyond a bound in all the user with the most loses the oldest of his, one after the other.
    """

    # the age at which a result goes
    max_age_hours: int = whole(7 * 24, 1, 100 * 366 * 24)
    # results, and what they may take on the disk, with the inputs of jobs that failed
    max_results: int = whole(1000, 0, 10_000_000)
    max_bytes: int = whole(64 << 30, 0, 1 << 50)
    # what one user's may take; beyond it the user's oldest go, and new jobs are refused
    max_bytes_per_user: int = whole(16 << 30, 0, 1 << 50)
    # younger than this no result goes, whatever the other bounds say
    grace_minutes: int = whole(60, 0, 366 * 24 * 60)
    # ended jobs that `lipsyncctl list` and `status` still know
    max_records: int = whole(10_000, 1, 10_000_000)


@dataclass(frozen=True)
class Config:
    """The daemon's configuration; the fields are the keys of the TOML file."""

    # where clients connect, unless systemd passes the socket
    socket: Path = field(default_factory=default_socket)
    # the queue, the history and the spool
    state: Path = field(default_factory=default_state)
    # auto (the first GPU that works, else the CPU), cpu, or cuda:0, cuda:1, ...
    device: str = named("auto", DEVICES)
    # the generator's weights
    checkpoint: Path = field(default_factory=lambda: default_checkpoint(GENERATOR))
    # the face detector's weights
    detector: Path = field(default_factory=lambda: default_checkpoint(DETECTOR))
    # between two proofs, while there is no job, that the device is there and counts right
    warm_interval_seconds: int = whole(5, 1, 3600)
    # the group whose members may do with every job what its owner may
    admin_group: str = field(
        default="lipsync-admin", metadata={"pattern": GROUPS, "what": "is the name of a group"}
    )
    render: Render = Render()
    limits: Limits = Limits()
    retention: Retention = Retention()


SECTIONS = (Render, Limits, Retention)


class LiveConfig:
    """The configuration in force; a reload puts another in its place."""

    def __init__(self, config: Config) -> None:
        self.config = config


def load_config(path: Path | None, overrides: Mapping[str, object]) -> Config:
    """The file's choices (none: all defaults), with the command line's on top.

    Raises ConfigInvalid, which names the key, for what is unknown, of another type or out of range;
    StorageError if the file cannot be read for now.
    """
    chosen = {} if path is None else _read(path)
    config: Config = _section(Config, {**chosen, **overrides}, prefix="")
    return config


@dataclass(frozen=True)
class Source:
    """Where the configuration comes from, so that it can be read again: a file, then words."""

    path: Path | None
    overrides: Mapping[str, object]

    def read(self) -> Config:
        """The configuration as it is now; raises ConfigInvalid."""
        return load_config(self.path, self.overrides)


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unusable(str(path), error, "Correct the file, or name another.") from error
    except ValueError as error:
        hint = "Correct the file, or name another."
        raise ConfigInvalid(f"{path} cannot be read: {error}.", hint) from error


def _section(kind: type[Any], chosen: Mapping[str, object], prefix: str) -> Any:
    """A dataclass from a TOML table."""
    known = {each.name: each for each in fields(kind)}
    for name in chosen:
        if name not in known:
            raise _invalid(prefix + name, f"is not one of {', '.join(known)}")
    return kind(**{name: _value(known[name], chosen[name], prefix) for name in chosen})


def _value(key: Any, value: object, prefix: str) -> object:
    """One value, checked against what its field declares."""
    name = prefix + key.name
    if key.type in SECTIONS:
        if not isinstance(value, Mapping):
            raise _invalid(name, "is a table")
        return _section(key.type, value, prefix=f"{name}.")
    if key.type is int:
        return _whole(name, value, *key.metadata["range"])
    if not isinstance(value, str) or not value:
        raise _invalid(name, "is text")
    if key.type is Path:
        return Path(value)
    return _text(name, value, **key.metadata)


def _whole(name: str, value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _invalid(name, f"is a whole number from {least} to {most}")
    return value


def _text(name: str, value: str, pattern: str, what: str) -> str:
    if not re.fullmatch(pattern, value):
        choices = pattern.replace("|", ", ").replace(NUMBER, "N")
        raise _invalid(name, what or f"is one of {choices}")
    return value


def _invalid(name: str, what: str) -> ConfigInvalid:
    return ConfigInvalid(f"{name} {what}.", "Correct the configuration; lipsyncd.toml lists it.")
