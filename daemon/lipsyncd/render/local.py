"""The renderer of this machine: resident models and their renders, as the queue asks for them."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

from lipsyncd.config import Config
from lipsyncd.model.current import CurrentModels
from lipsyncd.model.residency import Models, load_models
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import render
from lipsyncd.render.warmup import warm_up


class LocalRenderer:
    """Resident models and the settings of renders.  Made by `open_renderer`."""

    def __init__(self, config: Config, models: Models) -> None:
        self._config = config
        self._current = CurrentModels(models)

    def render(self, options: Options, paths: Paths) -> Generator[Progress, None, None]:
        """Write the result of a job.  Raises InputError, DiskFull, DeviceLost."""
        longest = self._config.limits.max_voice_seconds
        return render(options, paths, self._current.for_job(), self._config.render, longest)

    def prove(self) -> None:
        """A warm pass.  Raises DeviceLost if it fails or comes out wrong."""
        self._current.models.prove()

    def describe(self) -> dict[str, object]:
        """What `info` says of the models and their device."""
        return self._current.models.describe()

    def reload(self, config: Config, report: Callable[[str], None]) -> str:
        """Take over a new configuration, without a moment in which nothing can be rendered.

        New models are loaded and warmed beside the old ones.  Raises LipsyncError; then all stays
        as it was.
        """
        models = loaded(config, report)
        before, after = self._current.models.describe(), models.describe()
        self._current.replace(models)
        self._config = config
        if before["checkpoint_sha256"] == after["checkpoint_sha256"]:
            return "the configuration was taken over, the checkpoint is the same"
        return f"{after['checkpoint']} took the place of {before['checkpoint']}"


def open_renderer(config: Config, report: Callable[[str], None]) -> LocalRenderer:
    """Load, check and warm up everything that a job uses.

    `report` is called whenever something moved.  Raises DeviceUnavailable, CheckpointMissing,
    CheckpointInvalid, WarmUpFailed, DeviceLost, DeviceMemoryFull.
    """
    return LocalRenderer(config, loaded(config, report))


def loaded(config: Config, report: Callable[[str], None]) -> Models:
    """Models that have rendered."""
    models = load_models(config, cache_folder(config), report)
    report("rendering a first picture")
    warm_up(models, config.render)
    return models


def cache_folder(config: Config) -> Path:
    """Where golden outputs are kept: systemd's CacheDirectory, else beside the state."""
    given = os.environ.get("CACHE_DIRECTORY")
    return Path(given) if given else config.state / "cache"
