"""The listing: what lies beside the checkpoint, as a process says that loads each file once.

The daemon itself looks at nothing but names, sizes and times, and asks again only when one of them
has changed.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from lipsyncd.config import Config
from lipsyncd.errors import InternalError
from lipsyncd.processes.child import Child, Gone
from lipsyncd.system.disk import disk_named

SUFFIXES = {".bin", ".ckpt", ".model", ".onnx", ".pt", ".pth", ".safetensors", ".tflite", ".xz"}
MOST_FILES = 100  # that are looked at, the first by name
SILENCE_SECONDS = 60.0  # without a word, and it hangs

Listed = Mapping[str, object]


class Listing:
    """One folder is listed at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: object = None  # of which files `_models` tells
        self._models: list[Listed] = []

    def models(self, config: Config) -> list[Listed]:
        """Each file of weights in the checkpoint's folder, by name.

        Raises what the process says, StorageError, InternalError.
        """
        with self._lock, disk_named():
            paths = weights_in(config.checkpoint.parent)
            seen = [(path, found.st_size, found.st_mtime_ns) for path, found in paths.items()]
            if seen != self._seen:
                self._models, self._seen = asked(list(paths)), seen
            looks = config.detector, config.landmarker, config.recogniser, config.sync_expert
            used, names = {config.checkpoint, *looks}, {path.name: path for path in paths}
            return [{**each, "in_use": names[str(each["name"])] in used} for each in self._models]


def weights_in(folder: Path) -> dict[Path, os.stat_result]:
    """The files that are called as weights are.  Raises OSError."""
    found = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    return {path: path.stat() for path in found[:MOST_FILES] if path.is_file()}


def asked(paths: list[Path]) -> list[Listed]:
    """What a new process says of them."""
    child = Child("lipsyncd.model.listing")
    try:
        child.say({"paths": [str(path) for path in paths]})
        models = child.hear(SILENCE_SECONDS)["models"]
    except Gone as gone:
        raise InternalError(f"The weights could not be listed: {gone}.", "Read the log.") from gone
    finally:
        child.kill()
        child.finish()
    assert isinstance(models, list)
    return models
