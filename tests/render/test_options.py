"""What a client chooses for a render: whose lips move, when, how far, and how a video goes on."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import av
import numpy as np
import pytest
from support.checkpoints import SHIPPED, InProcess
from support.client.command import messages
from support.media.clips import clip
from support.media.dubbing import Dubbing
from support.media.synthetic import write_still

from lipsyncd.face.lips import SHUT
from lipsyncd.media.frame import Frame
from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.options import Options

Ctl = Callable[..., CompletedProcess[str]]
CLIP_FRAMES, CLIP_RATE = 72, 30


@pytest.fixture(scope="module")
def models(made: Path) -> InProcess:
    return InProcess(load_models(Wanted("cpu", SHIPPED, 0, made / "cache"), print))


def test_lips_outside_of_the_wanted_times_are_left_as_they_are(
    models: InProcess, paper: Path
) -> None:
    options = Options(from_=0.5, to=1.5)
    dubbing = Dubbing(clip("single_face.mp4"), paper, 60, models, options)
    for number, (take, _, picture) in enumerate(dubbing.pictures()):
        planes = zip(take.frame.planes(), Frame(0, picture).planes(), strict=True)
        is_same = all(np.array_equal(before, after) for before, after in planes)
        assert is_same == (not 15 < number < 45)
    strengths = [take.seen[0].strength for take, *_ in dubbing.pictures() if take.seen]
    assert max(strengths) == 1
    assert strengths[0] < 0.5 > strengths[-1]


@pytest.mark.parametrize("who, count", [("all", 5), ("left", 1), ("3", 1), ("740,370", 1)])
def test_as_many_lips_move_as_are_wanted(
    models: InProcess, paper: Path, who: str, count: int
) -> None:
    dubbing = Dubbing(clip("multi_face.jpg"), paper, 12, models, Options(who=who))
    takes = [take for take, *_ in dubbing.pictures()]
    assert [len(take.seen) for take in takes] == [count] * 12


def test_lips_move_as_far_as_is_wanted(models: InProcess, paper: Path) -> None:
    """How far open the mouth is, by the landmarker, at its widest."""
    landmarker, widest = models.landmarker, []
    for expression in (0.0, 0.6, 1.2):
        options = Options(expression=expression)
        dubbing = Dubbing(clip("single_face.mp4"), paper, 40, models, options)
        opened = [
            landmarker.lips(Frame(0, picture), take.seen[0].face).openness
            for take, _, picture in dubbing.pictures()
        ]
        widest.append(max(opened))
    print(f"\n  openness at expression 0, 0.6 and 1.2: {np.round(widest, 3)}")
    assert widest[0] < SHUT
    assert widest[0] < widest[1] < widest[2]


def test_lips_are_closed_while_nobody_speaks(models: InProcess, harbour: Path) -> None:
    """The voice ends with silence; the source smiles there, teeth and all."""
    dubbing = Dubbing(clip("single_face.mp4"), harbour, 113, models)
    landmarker = models.landmarker
    opened = [
        landmarker.lips(Frame(0, picture), take.seen[0].face).openness
        for take, _, picture in dubbing.pictures(104)
    ]
    print(f"\n  openness in silence: {np.round(opened, 3)}")
    assert max(opened) < SHUT


def durations(path: Path) -> tuple[float, float, int]:
    """Of the sound and of the pictures in seconds, and how many of these there are."""
    with av.open(str(path)) as container:
        sound, video = container.streams.audio[0], container.streams.video[0]
        seconds = (float(each.duration * each.time_base) for each in (sound, video))
        return (*seconds, video.frames)


def test_a_result_may_end_with_the_video(render: Callable[..., Path], harbour: Path) -> None:
    sound, video, frames = durations(render(clip("single_face.mp4"), harbour, "--extend", "cut"))
    assert frames == CLIP_FRAMES
    assert video == pytest.approx(CLIP_FRAMES / CLIP_RATE, abs=0.01)
    assert sound == pytest.approx(video, abs=0.1)


def test_a_result_may_go_on_in_silence(render: Callable[..., Path], word: Path) -> None:
    sound, video, frames = durations(render(clip("single_face.mp4"), word, "--extend", "silence"))
    assert frames == CLIP_FRAMES
    assert sound < 1 < video


def test_the_last_picture_may_be_held(models: InProcess, harbour: Path) -> None:
    options = Options(extend="freeze")
    dubbing = Dubbing(clip("single_face.mp4"), harbour, 100, models, options)
    indices = [take.frame.index for take, *_ in dubbing.pictures()]
    assert indices == [min(number, CLIP_FRAMES - 1) for number in range(100)]


def test_whoever_is_not_there_is_named(ctl: Ctl, word: Path, tmp_path: Path) -> None:
    words = ("--who", "9", "-a", str(word), str(clip("multi_face.jpg")))
    ended = ctl("run", "--json", *words, "-o", str(tmp_path / "out.mp4"))
    error = messages(ended.stdout)[-1]["job"]["error"]
    print(f"\n  {error['message']} {error['hint']}")
    assert error["name"] == "input.no_face"
    assert "`9`" in error["message"]


@pytest.mark.parametrize("quarters", ["1", "2"])
def test_a_head_on_its_side_or_upside_down_is_refused_by_name(
    ctl: Ctl, word: Path, tmp_path: Path, quarters: str
) -> None:
    with av.open(str(clip("single_face.jpg"))) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
    turned = np.ascontiguousarray(np.rot90(pixels, int(quarters)))
    face = write_still(tmp_path / "turned.png", turned)
    ended = ctl("run", "--json", "-a", str(word), str(face), "-o", str(tmp_path / "out.mp4"))
    assert messages(ended.stdout)[-1]["job"]["error"]["name"] == "input.inclined_face"
