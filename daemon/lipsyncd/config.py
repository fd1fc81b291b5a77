"""What an operator chooses: a frozen Config from a TOML file and the command line."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lipsyncd.errors import ConfigInvalid
from lipsyncd.protocol.address import default_socket
from lipsyncd.protocol.outputs import BEST, PRESETS, WORST
from lipsyncd.protocol.values import one_of, several, text, whole
from lipsyncd.system.disk import unusable
from lipsyncd.system.places import default_checkpoint, default_state

GENERATOR = "lipsync-grid-96.safetensors"
DETECTOR = "face_detection_yunet_2023mar.onnx"
LANDMARKER = "face_landmark.tflite"
RECOGNISER = "face_recognition_sface_2021dec_int8bq.onnx.xz"
SYNC_EXPERT = "sync-expert-grid-v0.safetensors"
PATHS = text(".+", "is text")
DEVICES = text(r"auto|cpu|cuda:\d+", "is one of auto, cpu, cuda:N")
GROUPS = text("[a-z_][a-z0-9_-]*", "is the name of a group")
GROUPS_OR_NONE = text("([a-z_][a-z0-9_-]*)?", "is the name of a group, or empty")


@dataclass(frozen=True)
class Render:
    """`[render]`: the trade between pace, memory and quality."""

    # frames that share one forward pass; 0 means 8 on the CPU and 64 on a GPU
    batch: int = whole(0, 512).default(0)
    # what the generator computes with: auto is float16 on a GPU and float32 on the CPU; bf16 takes
    # half of that on a CPU that has it, and is off by 2 of 255 at most
    precision: str = one_of("auto", "fp32", "bf16").default("auto")
    # quality of the encoded result, 0 (best) to 51, where a job does not ask for its own
    crf: int = whole(BEST, WORST).default(18)
    # effort of the encoder, as x264 names it
    preset: str = one_of(*PRESETS).default("veryfast")
    # look for the face in every n-th frame and follow it in between
    detect_every: int = whole(1, 100).default(5)
    # jobs that are rendered at the same time and share the generator's batches; one user has at
    # most all but one of them, so that another's first job finds a slot
    max_active: int = whole(1, 64).default(3)
    # processes that they are rendered by, where a long one has several; 0 means one for two cores
    processes: int = whole(0, 256).default(0)
    # how long a job is rendered at least before it gives way to another that waits
    turn_seconds: int = whole(0, 86_400).default(10)
    # a render or a device that says nothing for so long has its process ended
    stall_seconds: int = whole(1, 3600).default(30)

    @property
    def max_active_per_user(self) -> int:
        """How many of them may be one user's."""
        return max(1, self.max_active - 1)


@dataclass(frozen=True)
class Limits:
    """`[limits]`: what one client can cost the machine, and all of them together."""

    # the largest face and the largest voice that are accepted
    max_face_bytes: int = whole(1, 1 << 50).default(4 << 30)
    max_voice_bytes: int = whole(1, 1 << 50).default(1 << 30)
    # the longest voice that is rendered
    max_voice_seconds: int = whole(1, 366 * 86_400).default(4 * 3600)
    # memory that one render may ask for, of which it uses a part
    max_render_memory_bytes: int = whole(1, 1 << 50).default(16 << 30)
    # jobs that may wait in the queue, in all and of one user
    max_jobs: int = whole(1, 100_000).default(1000)
    max_jobs_per_user: int = whole(1, 100_000).default(250)
    # what the inputs of jobs that have not ended may take on the disk, in all and of one user
    max_input_bytes: int = whole(1, 1 << 50).default(64 << 30)
    max_input_bytes_per_user: int = whole(1, 1 << 50).default(16 << 30)
    # how long a render may take, in seconds; a client may choose less for its own
    max_runtime_seconds: int = whole(1, 366 * 86_400).default(86_400)
    # with less room than this on the disk of the state the queue pauses
    min_free_bytes: int = whole(0, 1 << 50).default(256 << 20)
    # how long a stop waits for the running jobs before they go back to the queue
    drain_seconds: int = whole(0, 86_400).default(50)

    @property
    def max_jobs_per_uid(self) -> int:
        """How many may wait of one uid with all its labels, so that other uids have room."""
        return max(self.max_jobs_per_user, self.max_jobs // 2)

    @property
    def max_input_bytes_per_uid(self) -> int:
        """What their inputs may take, likewise."""
        return max(self.max_input_bytes_per_user, self.max_input_bytes // 2)


@dataclass(frozen=True)
class Retention:
    """`[retention]`: how long ended jobs are kept.

    Beyond a bound in all the user with the most loses the oldest of his, one after the other.
    """

    # the age at which a result goes
    max_age_hours: int = whole(1, 100 * 366 * 24).default(7 * 24)
    # results, and what they may take on the disk, with the inputs of jobs that failed
    max_results: int = whole(0, 10_000_000).default(1000)
    max_bytes: int = whole(0, 1 << 50).default(64 << 30)
    # what one user's may take; beyond it the user's oldest go, and new jobs are refused
    max_bytes_per_user: int = whole(0, 1 << 50).default(16 << 30)
    # younger than this no result goes, whatever the other bounds say
    grace_minutes: int = whole(0, 366 * 24 * 60).default(60)
    # ended jobs that `lipsyncctl list` and `status` still know
    max_records: int = whole(1, 10_000_000).default(10_000)


@dataclass(frozen=True)
class Config:
    """The daemon's configuration; the fields are the keys of the TOML file."""

    # where clients connect, unless systemd passes the socket
    socket: Path = field(default_factory=lambda: Path(default_socket()))
    # the queue, the history and the spool
    state: Path = field(default_factory=default_state)
    # auto (the first GPU that works, else the CPU), cpu, or cuda:0, cuda:1, ...
    devices: tuple[str, ...] = several(DEVICES).default(("auto",))
    # the generator's weights
    checkpoint: Path = field(default_factory=lambda: default_checkpoint(GENERATOR))
    # the face detector's weights
    detector: Path = field(default_factory=lambda: default_checkpoint(DETECTOR))
    # the weights of what finds lips
    landmarker: Path = field(default_factory=lambda: default_checkpoint(LANDMARKER))
    # the weights of what knows a person by a picture
    recogniser: Path = field(default_factory=lambda: default_checkpoint(RECOGNISER))
    # the weights of what tells whether lips and a sound go together
    sync_expert: Path = field(default_factory=lambda: default_checkpoint(SYNC_EXPERT))
    # between two proofs that a device is there, and while there is no job counts right
    warm_interval_seconds: int = whole(1, 3600).default(5)
    # the group whose members may do with every job what its owner may
    admin_group: str = GROUPS.default("lipsync-admin")
    # the group whose members may hand in jobs for others, told apart by label; empty: nobody may
    label_group: str = GROUPS_OR_NONE.default("")
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

    Raises ConfigInvalid, which names the file and the key, for what is unknown, of another type or
    out of range; StorageError if the file cannot be read for now.
    """
    chosen = _several({} if path is None else read_toml(path))
    try:
        from_table(Config, chosen)
    except ConfigInvalid as error:
        raise ConfigInvalid(f"{path}: {error.message}", error.hint) from None
    config: Config = from_table(Config, {**chosen, **_several(overrides)})
    return config


def _several(chosen: Mapping[str, object]) -> Mapping[str, object]:
    """With `devices` in the place of `device`, as the one was called."""
    if "device" not in chosen or "devices" in chosen:
        return chosen
    rest = {name: value for name, value in chosen.items() if name != "device"}
    return rest | {"devices": [chosen["device"]]}


@dataclass(frozen=True)
class Source:
    """Where the configuration comes from, so that it can be read again: a file, then words."""

    path: Path | None
    overrides: Mapping[str, object]

    def read(self) -> Config:
        """The configuration as it is now; raises ConfigInvalid."""
        return load_config(self.path, self.overrides)


def read_toml(path: Path) -> dict[str, object]:
    """What a file says.  Raises ConfigInvalid, StorageError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unusable(str(path), error, "Correct the file, or name another.") from error
    except ValueError as error:
        hint = "Correct the file, or name another."
        raise ConfigInvalid(f"{path} cannot be read: {error}.", hint) from error


def from_table(kind: type[Any], chosen: Mapping[str, object], prefix: str = "") -> Any:
    """A dataclass from a TOML table.  Raises ConfigInvalid, which names the key."""
    known = {each.name: each for each in fields(kind)}
    if unknown := [name for name in chosen if name not in known]:
        raise _unknown(unknown[0], prefix, known)
    return kind(**{name: _value(known[name], chosen[name], prefix) for name in chosen})


def _value(key: Any, value: object, prefix: str) -> object:
    """One value, checked against what its field declares."""
    name = prefix + key.name
    if key.type in SECTIONS:
        if not isinstance(value, Mapping):
            raise _invalid(name, "is a table")
        return from_table(key.type, value, prefix=f"{name}.")
    values = key.metadata.get("values", PATHS)
    if value not in values:
        raise _invalid(name, values.refusal)
    checked = tuple(value) if isinstance(value, list) else value
    return Path(str(checked)) if key.type is Path else checked


def _unknown(name: str, prefix: str, known: Collection[str]) -> ConfigInvalid:
    """The error for a key that is not there, with the place that was meant."""
    keys = {"": Config} | {f"{kind.__name__.lower()}.": kind for kind in SECTIONS}
    places = [place for place, kind in keys.items() if name in {each.name for each in fields(kind)}]
    words = f"{prefix}{name} is no key."
    if places:
        place = f"under [{places[0].rstrip('.')}]" if places[0] else "above all sections"
        return ConfigInvalid(words, f"It belongs {place}.")
    where = f"under [{prefix.rstrip('.')}]" if prefix else "above all sections"
    return ConfigInvalid(words, f"The keys {where} are {', '.join(known)}.")


def _invalid(name: str, what: str) -> ConfigInvalid:
    return ConfigInvalid(f"{name} {what}.", "Correct it; the shipped lipsyncd.toml explains each.")
