"""The generator has the published layout; folding and the lower half change nothing it makes."""

from collections.abc import Callable

import pytest
import torch
from support.checkpoints import NARROW, random_generator

from lipsyncd.model.generator import Generator
from lipsyncd.model.layouts import LAYOUTS, Layout


def inputs(side: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    windows = torch.rand(2, 1, 80, 16, generator=random) * 8 - 4
    return windows, torch.rand(2, 6, side, side, generator=random)


@torch.inference_mode()
def mouths(generator: Generator, lower: bool = False) -> torch.Tensor:
    kind = next(generator.parameters()).dtype
    return generator(*(values.to(kind) for values in inputs(generator.side)), lower)


# Parameters and entries of a state dict, by the pixels of a crop.
NUMBERS = {96: (36_298_035, 352), 256: (53_605_683, 380), 288: (48_520_755, 422)}
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.side}")


def parameters(generator: Generator) -> int:
    return sum(parameter.numel() for parameter in generator.parameters())


@every_layout
def test_a_published_layout_has_its_numbers(layout: Layout) -> None:
    """Those of the projects' own code, whose state dicts load strictly."""
    with torch.device("meta"):
        generator = Generator(1.0, layout)
    state = generator.state_dict()
    assert (parameters(generator), len(state)) == NUMBERS[layout.side]
    assert state["face_encoder_blocks.0.0.conv_block.0.weight"].shape == (16, 6, 7, 7)
    assert state[layout.widest].shape[0] == 512
    assert state["output_block.0.conv_block.0.weight"].shape == (32, 80, 3, 3)
    assert len({name.split(".")[1] for name in state if name.startswith("audio_encoder.")}) == 13


def test_half_the_width_has_a_quarter_of_the_parameters() -> None:
    with torch.device("meta"):
        assert parameters(Generator(0.5)) == 9_084_315


def test_the_narrowest_has_eight_channels_everywhere() -> None:
    state = Generator(NARROW).state_dict()
    hidden = {
        weight.shape[0] for name, weight in state.items() if name.endswith("conv_block.1.weight")
    }
    assert hidden == {8}


@every_layout
def test_mouths_are_pictures(layout: Layout) -> None:
    made = mouths(random_generator(layout=layout))
    assert made.shape == (2, 3, layout.side, layout.side)
    assert 0 <= made.min() < made.max() <= 1
    assert made.std() > 0.01


@every_layout
@pytest.mark.parametrize("slopes", ["", "."])
@pytest.mark.parametrize("lower", [False, True])
def test_folding_changes_nothing(layout: Layout, slopes: str, lower: bool) -> None:
    """In float64, so that nothing but the algebra is tested."""
    generator = random_generator(layout=layout, slopes=slopes).double()
    before = mouths(generator, lower)
    generator.fold()
    assert not any("running_mean" in name for name in generator.state_dict())
    torch.testing.assert_close(mouths(generator, lower), before, atol=1e-12, rtol=0)


def test_folded_mouths_are_the_same_in_float32() -> None:
    generator = random_generator()
    before = mouths(generator)
    generator.fold()
    torch.testing.assert_close(mouths(generator), before, atol=1e-5, rtol=0)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_lower_half_is_that_of_the_whole(folded: bool, memory: torch.memory_format) -> None:
    generator = random_generator().to(memory_format=memory)
    if folded:
        generator.fold()
    lower = mouths(generator, lower=True)
    assert lower.shape == (2, 3, 48, 96)
    torch.testing.assert_close(lower, mouths(generator)[:, :, 48:], atol=2e-6, rtol=0)


@every_layout
def test_the_lower_half_is_that_of_the_whole_to_the_last_digit(layout: Layout) -> None:
    """In float64 a row that should have been computed and was not would show."""
    generator = random_generator(1 / 16, layout=layout).double()
    lower, whole = mouths(generator, lower=True), mouths(generator)
    torch.testing.assert_close(lower, whole[:, :, layout.side // 2 :], atol=1e-13, rtol=0)


def silent(windows: torch.Tensor, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full_like(windows, -4), crops


def other_reference(
    windows: torch.Tensor, crops: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    return windows, torch.cat((crops[:, :3], 1 - crops[:, 3:]), dim=1)


@pytest.mark.parametrize("changed", [silent, other_reference])
def test_a_mouth_depends_on_the_sound_and_on_the_reference(
    changed: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
) -> None:
    generator = random_generator()
    with torch.inference_mode():
        difference = generator(*inputs()) - generator(*changed(*inputs()))
    assert difference.abs().max() > 1e-3


def test_a_learned_slope_is_what_becomes_of_less_than_nothing() -> None:
    generator = random_generator(slopes=".")
    before = mouths(generator)
    for name, slope in generator.named_parameters():
        if name.endswith(".act.weight"):
            slope.data.zero_()
    assert (mouths(generator) - before).abs().max() > 1e-3
