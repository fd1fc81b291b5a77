"""Whether a video's own sound goes with its lips."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.paths import TALKERS

from lipsyncd.face.face import FIELDS
from lipsyncd.face.track import Track
from lipsyncd.media.source import examine_source
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.probe import Sync
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.sync import LOOKED, OFFSETS, busiest, index_of, numbers_of, own_sync, verdict


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


def sync_of(path: Path, models: InProcess) -> Sync | None:
    source = examine_source(path, "The face")
    planner = Planner(Options(), models, 5, source.rate)
    for _ in planner.look(source.frames()):
        pass
    return own_sync(source, planner.plan(), models)


def delayed(path: Path, to: Path, seconds: Fraction) -> Path:
    """The same packets, the sound so much later."""
    with av.open(str(path)) as whole, av.open(str(to), "w") as container:
        pairs = {each: container.add_stream_from_template(each) for each in whole.streams}
        for packet in whole.demux():
            if packet.dts is not None:
                shift = seconds / packet.time_base if packet.stream.type == "audio" else 0
                packet.pts, packet.dts = packet.pts + int(shift), packet.dts + int(shift)
                packet.stream = pairs[packet.stream]
                container.mux(packet)
    return to


@pytest.mark.parametrize("milliseconds, is_in_sync", [(0, True), (80, True), (240, False)])
def test_sound_that_comes_late_is_told_with_its_delay(
    models: InProcess, tmp_path: Path, milliseconds: int, is_in_sync: bool
) -> None:
    path = TALKERS / "grid_lrwp9a.mpg"
    if not path.exists():
        pytest.skip(f"{path} is not here: it comes with no package")
    late = delayed(path, tmp_path / "late.mkv", Fraction(milliseconds, 1000))
    found = sync_of(late, models)
    assert found
    assert abs(found.offset_ms - milliseconds) <= 40
    assert found.is_in_sync is is_in_sync
    assert found.cosine > 0.5


@pytest.mark.parametrize("name", ["single_face.mp4", "multi_face.jpg"])
def test_where_nobody_speaks_nobody_can_tell(models: InProcess, name: str) -> None:
    assert sync_of(clip(name), models) is None


def test_where_no_face_is_seen_nobody_can_tell(models: InProcess) -> None:
    source = examine_source(clip("no_face.mp4"), "The face")
    assert own_sync(source, Plan(90, ()), models) is None


@pytest.mark.parametrize(
    "offset, is_in_sync", [(-3, False), (-1, True), (0, True), (3, True), (4, False)]
)
def test_sound_that_nobody_notices_is_in_sync(offset: int, is_in_sync: bool) -> None:
    means = np.where(offset == OFFSETS, 0.5, 0.1)
    assert verdict(means) == Sync(40 * offset, 0.5, is_in_sync)
    assert verdict(means / 10) is None


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(24)])
def test_all_frames_are_of_the_track(rate: Fraction) -> None:
    track = Track(7, np.zeros((60, FIELDS)), np.ones(60), 7)
    found = [index_of(number, rate) for number in numbers_of(track, rate)]
    assert (min(found) - 7, track.stop - 1 - max(found)) < (2, 2)
    assert min(found) >= track.start
    assert max(found) < track.stop


def test_it_looks_where_most_is_said() -> None:
    spoken = np.zeros(200, bool)
    spoken[100:130] = True
    begin = busiest(spoken)
    assert spoken[begin : begin + LOOKED].sum() == 30
    assert busiest(spoken[: LOOKED - 1]) == 0
