"""Which farm: farm.toml, with its broker and its store, and the secrets that are in neither."""

import os
import pwd
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lipsyncd.config import from_table, read_toml
from lipsyncd.errors import ConfigInvalid
from lipsyncd.protocol.values import several, text, whole, yes_or_no

FILE = "farm.toml"
NAMES = text("[a-z][a-z0-9-]{0,30}", "is a name: a letter, then letters, digits and -")
USERS = text(r"[^\x00-\x20:]{1,64}", "is a name of a user")
BROKERS = text(
    r"(rediss?://|redis\+socket:///).+", "is redis://HOST:6379/0, rediss://..., redis+socket:///..."
)
STORES = text(r"(file:///|s3://).+", "is file:///FOLDER or s3://BUCKET/PREFIX")
SECRETS = ("broker-password", "key", "token", "s3-access-key-id", "s3-secret-access-key")


def default_user() -> str:
    """The name of whoever runs this process."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


@dataclass(frozen=True)
class Farm:
    """A farm's configuration; the fields are the keys of farm.toml, but for `secrets`."""

    # of the farm; several may share one Redis and one store
    name: str = NAMES.default("")
    # Redis or Valkey, without a password: that is a secret
    broker: str = BROKERS.default("")
    # where the media are on their way
    store: str = STORES.default("")
    # of an s3 store that is not Amazon's
    s3_endpoint: str = text(".*", "is text").default("")
    s3_region: str = text(".*", "is text").default("us-east-1")
    # who hands in jobs here
    user: str = USERS.default(default_user())
    # who may see and cancel everybody's jobs, and hand in urgent ones
    admins: tuple[str, ...] = several(USERS).default(("root",))
    # what this host is called; no two may have one name
    host: str = USERS.default(socket.gethostname())
    # jobs that this host holds at once, at most
    slots: int = whole(1, 64).default(2)
    # whether its daemon is told for whom each is, and counts by that; it has to let the bridge
    labels: bool = yes_or_no().default(False)
    # a result of twice as many frames or more is made in shares by hosts that are free; 0: never
    share_frames: int = whole(0, 1_000_000_000).default(1500)
    # a host that is silent for so long has lost its jobs to others
    lease_seconds: int = whole(1, 3600).default(30)
    # how long ended jobs, their results, and inputs that no job needs are kept
    keep_hours: int = whole(1, 100 * 366 * 24).default(7 * 24)
    # jobs that may wait, in all and of one user
    max_jobs: int = whole(1, 1_000_000).default(10_000)
    max_jobs_per_user: int = whole(1, 1_000_000).default(1000)
    # what the inputs that a host keeps may take on its disk
    max_cache_bytes: int = whole(0, 1 << 50).default(16 << 30)
    # when Celery delivers a ticket again whose host is silent; for jobs it means nothing
    visibility_seconds: int = whole(1, 86_400).default(3600)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def prefix(self) -> str:
        """What each key in Redis begins with: one slot of a cluster, one farm of several."""
        return f"{{lipsyncfarm:{self.name}}}:"

    def secret(self, name: str) -> str | None:
        """One of SECRETS, None if it was not given."""
        return self.secrets.get(name)


def find_farm(name: str) -> Farm:
    """The farm of this name, or whose file this is.  Raises ConfigInvalid."""
    if "/" in name:
        return load_farm(Path(name))
    if name not in NAMES:
        raise ConfigInvalid(f"{name!r} is no farm: its name {NAMES.refusal}.", "Correct --farm.")
    paths = [folder / f"{name}.toml" for folder in folders()]
    for path in paths:
        if path.exists():
            return load_farm(path)
    places = " nor ".join(map(str, paths))
    raise ConfigInvalid(
        f"The farm {name} is unknown: there is no {places}.",
        "Put its farm.toml there, as its operator has it, or name the file: --farm ./farm.toml.",
    )


def folders() -> list[Path]:
    """Where farms are looked for: the user's own, then the machine's."""
    own = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return [Path(own) / "lipsyncd/farms", Path("/etc/lipsyncd/farms")]


def load_farm(path: Path) -> Farm:
    """The file's farm.  Raises ConfigInvalid, which names the key; StorageError."""
    chosen: dict[str, Any] = read_toml(path)
    if "secrets" in chosen:
        raise no_secrets_in(path)
    try:
        farm: Farm = from_table(Farm, chosen)
    except ConfigInvalid as error:
        hint = f"Correct it; the shipped {FILE} explains each key."
        raise ConfigInvalid(f"{path}: {error.message}", hint) from None
    for name in ("name", "broker", "store"):
        if not getattr(farm, name):
            raise ConfigInvalid(f"{path} lacks `{name} =`.", f"Add it; {FILE} lists the keys.")
    if urlsplit(farm.broker).password or urlsplit(farm.store).password:
        raise no_secrets_in(path)
    return from_secrets(farm)


def no_secrets_in(path: Path) -> ConfigInvalid:
    """A file that others may read is no place for a password."""
    return ConfigInvalid(
        f"{path} has a secret in it.",
        "Give it as $LIPSYNCFARM_BROKER_PASSWORD, or by LoadCredential=broker-password:FILE.",
    )


def from_secrets(farm: Farm) -> Farm:
    """The farm with the secrets of systemd's credentials, else of the environment."""
    found = {name: value for name in SECRETS if (value := secret_of(name)) is not None}
    return replace(farm, secrets=found)


def secret_of(name: str) -> str | None:
    """One secret; a file of its name in $CREDENTIALS_DIRECTORY comes first."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / name if folder else None
    if path and path.exists():
        return path.read_text(encoding="utf-8").strip()
    return os.environ.get(variable_of(name))


def variable_of(name: str) -> str:
    """The variable of the environment that may hold a secret."""
    return f"LIPSYNCFARM_{name.replace('-', '_').upper()}"
