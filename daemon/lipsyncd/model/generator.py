"""The lip generator network of the published Wav2Lip layouts: shapes only, no files, no devices.

Parameter names are those of published checkpoints, so a state dict loads strictly.  `width` scales
every hidden channel count (never below 8); 1.0 is the published network, 36.3 M parameters where a
crop has 96 pixels.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lipsyncd.model.layouts import PUBLISHED, Layout

SLOPE = ".act.weight"  # ends the name of a learned slope, in layouts that have some


class Block(nn.Module):
    """Convolution, batch normalisation, ReLU or, with a learned slope below zero, PReLU; `residual`
    adds the input before that."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, residual: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels))
        self.residual = residual
        self.act: nn.Module = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv_block(x)
        return self.act(y.add_(x) if self.residual else y)

    def fold(self) -> None:
        """Merge the normalisation into the convolution: the same function in one step less."""
        convolution: Any
        norm: Any
        convolution, norm = self.conv_block
        transposed = isinstance(convolution, nn.ConvTranspose2d)
        self.conv_block = nn.Sequential(fuse_conv_bn_eval(convolution, norm, transpose=transposed))


def conv(
    cin: int, cout: int, kernel: int = 3, stride: int | tuple[int, int] = 1, pad: int = 1
) -> Block:
    return Block(nn.Conv2d(cin, cout, kernel, stride, pad))


def up(cin: int, cout: int, size: int) -> Block:
    """To twice the size, or one less."""
    return Block(nn.ConvTranspose2d(cin, cout, 3, 2, padding=1, output_padding=1 - size % 2))


def res(channels: int) -> Block:
    return Block(nn.Conv2d(channels, channels, 3, padding=1), residual=True)


def residuals(channels: int, count: int) -> list[Block]:
    return [res(channels) for _ in range(count)]


class Sigmoid(nn.Module):
    """The sigmoid, of one mouth after another where it is computed by the CPU.

    Of a whole batch each of the CPU's threads would take a part that ends anywhere in a mouth, and
    computes what is left at such an end by another routine, which rounds otherwise.  A mouth would
    depend on its place in the batch; all else in the network is the same at any place.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not x.is_cpu:
            return torch.sigmoid(x)
        # bfloat16 has no more than 128 steps from 127 to 255: here they would be seen
        return torch.stack([torch.sigmoid(mouth.float()) for mouth in x.unbind()])


class Generator(nn.Module):
    """Mel windows and crops in, mouths out."""

    def __init__(self, width: float = 1.0, layout: Layout = PUBLISHED) -> None:
        super().__init__()
        self.side = layout.side
        self._lower_rows = layout.lower_rows

        def wide(channels: int) -> int:
            return max(8, round(channels * width))

        c32, c64, c128, c256, c512 = map(wide, (32, 64, 128, 256, 512))
        self.audio_encoder = nn.Sequential(
            *(conv(1, c32), res(c32), res(c32)),  # 80 bands x 16 columns
            *(conv(c32, c64, stride=(3, 1)), res(c64), res(c64)),  # 27 x 16
            *(conv(c64, c128, stride=3), res(c128), res(c128)),  # 9 x 6
            *(conv(c128, c256, stride=(3, 2)), res(c256)),  # 3 x 3
            *(conv(c256, c512, pad=0), conv(c512, c512, kernel=1, pad=0)),  # 1 x 1
        )
        seen = [wide(16), *(wide(channels) for channels, _ in layout.down)]
        seen += [c512] * len(layout.ends)
        made = [c512, c512, *(wide(channels) for channels, _ in layout.up)]
        self.face_encoder_blocks = nn.ModuleList(encoder(layout, seen))
        self.face_decoder_blocks = nn.ModuleList(decoder(layout, seen, made))
        self.output_block = nn.Sequential(
            conv(made[-1] + seen[0], c32), nn.Conv2d(c32, 3, 1), Sigmoid()
        )

    def forward(
        self, windows: torch.Tensor, crops: torch.Tensor, lower: bool = False
    ) -> torch.Tensor:
        """(batch, 1, 80, 16) in [-4, 4] and (batch, 6, side, side) in [0, 1], masked crop first,
        then the reference crop: (batch, 3, side, side) in [0, 1], in the crops' colour order.  With
        `lower` only the lower half of that is computed: (batch, 3, side / 2, side)."""
        return self.speak(windows, self.look(crops), lower)

    def look(self, crops: torch.Tensor) -> list[torch.Tensor]:
        """What is seen of crops, in each size from the largest to one pixel."""
        seen = []
        for blocks in self.face_encoder_blocks:
            crops = blocks(crops)
            seen.append(crops)
        return seen

    def speak(
        self, windows: torch.Tensor, seen: Sequence[torch.Tensor], lower: bool = False
    ) -> torch.Tensor:
        """The mouths that say the windows, in faces that were looked at."""
        rows = self._lower_rows if lower else (0,) * len(self._lower_rows)
        mouths, stages = self.audio_encoder(windows), self.face_decoder_blocks
        for blocks, row, wanted, skip in zip(stages, rows, rows[1:], reversed(seen), strict=False):
            mouths = blocks(mouths)[:, :, wanted - 2 * row :]
            mouths = torch.cat((mouths, skip[:, :, wanted:]), dim=1)
        return self.output_block(mouths)[:, :, 1 if lower else 0 :]

    def learn_slopes(self, names: Iterable[str]) -> None:
        """Have a learned slope wherever parameters of these names are one."""
        learned = {name.removesuffix(SLOPE) for name in names if name.endswith(SLOPE)}
        for name, module in list(self.named_modules()):
            if name in learned and isinstance(module, Block):
                module.act = nn.PReLU()

    def fold(self) -> None:
        """Merge every batch normalisation into its convolution (evaluation mode only)."""
        for module in list(self.modules()):
            if isinstance(module, Block):
                module.fold()


def encoder(layout: Layout, seen: list[int]) -> Iterator[nn.Sequential]:
    """The stages that look at a face, with so many channels each."""
    yield nn.Sequential(conv(6, seen[0], kernel=7, pad=3))
    kernels = [layout.first_kernel, *(3 for _ in layout.down[1:])]
    before = seen[0]
    for kernel, channels, (_, count) in zip(kernels, seen[1:], layout.down, strict=False):
        first = conv(before, channels, kernel, stride=2, pad=kernel // 2)
        yield nn.Sequential(first, *residuals(channels, count))
        before = channels
    for kernel in layout.ends:
        yield nn.Sequential(
            conv(before, seen[-1], kernel, pad=0), conv(seen[-1], seen[-1], 1, pad=0)
        )
        before = seen[-1]


def decoder(layout: Layout, seen: list[int], made: list[int]) -> Iterator[nn.Sequential]:
    """The stages that make a mouth; each but the first is given, beside what was made, what the
    encoder saw in its size."""
    yield nn.Sequential(conv(made[0], made[0], kernel=1, pad=0))
    opening = nn.ConvTranspose2d(made[0] + seen[-1], made[1], layout.ends[-1])
    yield nn.Sequential(Block(opening), res(made[1]))
    for stage, (_, count) in enumerate(layout.up, start=2):
        grown = up(made[stage - 1] + seen[-stage], made[stage], layout.sizes[-1 - stage])
        yield nn.Sequential(grown, *residuals(made[stage], count))
