"""Weights in a folder are told by their content: what they are, whether they run, their licence."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkpoints import (
    DETECTOR,
    LANDMARKER,
    SHIPPED,
    random_generator,
    write_legacy_pickle,
    write_safetensors,
    write_torchscript,
)

from lipsyncd.config import Config
from lipsyncd.errors import InternalError
from lipsyncd.model.layouts import LAYOUTS, Layout
from lipsyncd.model.listing import Listed, listed
from lipsyncd.model.published import PUBLISHED_FILES, UNTOLD
from lipsyncd.processes import listing
from lipsyncd.processes.child import Gone
from lipsyncd.processes.listing import Listing, asked


def told(path: Path) -> Listed:
    (one,) = listed([path], lambda _: None)
    return one


def test_the_shipped_generator_runs_and_tells_its_licence() -> None:
    one = told(SHIPPED)
    assert one["runs"]
    assert one["what"] == "a Wav2Lip generator for 96 pixels, 0.5 as wide as the published"
    assert one["licence"] == "CC-BY-4.0"
    assert one["bytes"] == SHIPPED.stat().st_size
    assert one["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


@pytest.mark.parametrize("path", [DETECTOR, LANDMARKER, SHIPPED.with_stem("sync-expert-grid-v0")])
def test_what_else_is_shipped_is_known_and_does_not_run_as_the_generator(path: Path) -> None:
    one = told(path)
    assert not one["runs"]
    known = PUBLISHED_FILES[str(one["sha256"])]
    assert (one["what"], one["licence"]) == (known.what, known.licence)


@pytest.mark.parametrize("write", [write_safetensors, write_legacy_pickle, write_torchscript])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.side}")
def test_generators_are_told_by_their_layout_whatever_they_are_called(
    tmp_path: Path, write: Callable[..., Path], layout: Layout
) -> None:
    path = write(tmp_path / "wav2lip.pth", random_generator(layout=layout))
    one = told(path)
    assert one["runs"]
    assert f"for {layout.side} pixels" in str(one["what"])
    assert one["licence"] == UNTOLD


def test_what_does_not_run_says_why(tmp_path: Path) -> None:
    (tmp_path / "wav2lip.pth").write_bytes(b"<!DOCTYPE html><html>")
    one = told(tmp_path / "wav2lip.pth")
    assert not one["runs"]
    assert one["problem"] == "it is a web page, not weights."


def test_a_file_that_has_gone_is_left_out(tmp_path: Path) -> None:
    assert not list(listed([tmp_path / "gone.pth"], lambda _: None))


# As the daemon sees it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.pth").write_bytes(b"<html>")
    (tmp_path / "a.safetensors").symlink_to(SHIPPED)
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "deep.pth").mkdir()
    return tmp_path


def test_a_process_lists_the_folder_of_the_checkpoint(folder: Path) -> None:
    (folder / "c.pth").write_bytes(b"<html>")
    config = Config(checkpoint=folder / "a.safetensors", sync_expert=folder / "c.pth")
    models = Listing().models(config)
    assert [(each["name"], each["runs"], each["in_use"]) for each in models] == [
        ("a.safetensors", True, True),
        ("b.pth", False, False),
        ("c.pth", False, True),
    ]


def test_files_are_loaded_again_only_when_one_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[list[Path]] = []

    def look(paths: list[Path]) -> list[dict[str, object]]:
        looks.append(paths)
        return [{"name": path.name} for path in paths]

    monkeypatch.setattr(listing, "asked", look)
    models, config = Listing(), Config(checkpoint=folder / "a.safetensors")
    assert models.models(config) == models.models(config)
    assert len(looks) == 1
    os.utime(folder / "b.pth", (1, 1))
    models.models(Config(checkpoint=folder / "b.pth"))
    assert len(looks) == 2
    assert [each["in_use"] for each in models.models(config)] == [True, False]


def test_a_process_that_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, module: str) -> None: ...

        def say(self, body: object) -> None:
            raise Gone("process 7 ended with exit code 1")

        def kill(self) -> None: ...

        def finish(self) -> None: ...

    monkeypatch.setattr(listing, "Child", Broken)
    with pytest.raises(InternalError, match="ended with exit code 1"):
        asked([])
