"""The lip generator network of the published Wav2Lip layout: shapes only, no files, no devices.

Parameter names are those of published checkpoints, so a state dict loads strictly.  `width` scales
every hidden channel count (never below 8); 1.0 is the published network, 36.3 M parameters.
"""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# The row from which each decoder stage, and then the output block, must be given its input so that
# the lower half of the mouth comes out as it does from the whole: two rows of margin for a stage's
# two 3x3 convolutions, one for the output's, halved at each step down in size.
LOWER_ROWS = (0, 0, 0, 0, 4, 10, 22, 47)


class Block(nn.Module):
    """Convolution, batch normalisation, ReLU; `residual` adds the input before the ReLU."""

    def __init__(self, convolution: nn.Module, residual: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels))
        self.residual = residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv_block(x)
        return torch.relu_(y.add_(x) if self.residual else y)

    def fold(self) -> None:
        """Merge the normalisation into the convolution: the same function in one step less."""
        convolution, norm = self.conv_block
        transposed = isinstance(convolution, nn.ConvTranspose2d)
        self.conv_block = nn.Sequential(fuse_conv_bn_eval(convolution, norm, transpose=transposed))


def conv(
    cin: int, cout: int, kernel: int = 3, stride: int | tuple[int, int] = 1, pad: int = 1
) -> Block:
    return Block(nn.Conv2d(cin, cout, kernel, stride, pad))


def up(cin: int, cout: int) -> Block:
    return Block(nn.ConvTranspose2d(cin, cout, 3, stride=2, padding=1, output_padding=1))


def res(channels: int) -> Block:
    return Block(nn.Conv2d(channels, channels, 3, padding=1), residual=True)


class Sigmoid(nn.Module):
    """The sigmoid, of one mouth after another where it is computed by the CPU.

    Of a whole batch each of the CPU's threads would take a part that ends anywhere in a mouth, and
    computes what is left at such an end by another routine, which rounds otherwise.  A mouth would
    depend on its place in the batch; all else in the network is the same at any place.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not x.is_cpu:
            return torch.sigmoid(x)
        return torch.stack([torch.sigmoid(mouth) for mouth in x.unbind()])


class Generator(nn.Module):
    """Mel windows and crops in, mouths out."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c16, c32, c64, c128, c256, c384, c512 = (
            max(8, round(n * width)) for n in (16, 32, 64, 128, 256, 384, 512)
        )
        self.face_encoder_blocks = nn.ModuleList(
            nn.Sequential(*blocks)
            for blocks in (
                [conv(6, c16, kernel=7, pad=3)],  # 96 pixels
                [conv(c16, c32, stride=2), res(c32), res(c32)],  # 48
                [conv(c32, c64, stride=2), res(c64), res(c64), res(c64)],  # 24
                [conv(c64, c128, stride=2), res(c128), res(c128)],  # 12
                [conv(c128, c256, stride=2), res(c256), res(c256)],  # 6
                [conv(c256, c512, stride=2), res(c512)],  # 3
                [conv(c512, c512, pad=0), conv(c512, c512, kernel=1, pad=0)],  # 1
            )
        )
        self.audio_encoder = nn.Sequential(
            *(conv(1, c32), res(c32), res(c32)),  # 80 bands x 16 columns
            *(conv(c32, c64, stride=(3, 1)), res(c64), res(c64)),  # 27 x 16
            *(conv(c64, c128, stride=3), res(c128), res(c128)),  # 9 x 6
            *(conv(c128, c256, stride=(3, 2)), res(c256)),  # 3 x 3
            *(conv(c256, c512, pad=0), conv(c512, c512, kernel=1, pad=0)),  # 1 x 1
        )
        self.face_decoder_blocks = nn.ModuleList(
            nn.Sequential(*blocks)
            for blocks in (
                [conv(c512, c512, kernel=1, pad=0)],
                [Block(nn.ConvTranspose2d(2 * c512, c512, 3)), res(c512)],
                [up(2 * c512, c512), res(c512), res(c512)],
                [up(c512 + c256, c384), res(c384), res(c384)],
                [up(c384 + c128, c256), res(c256), res(c256)],
                [up(c256 + c64, c128), res(c128), res(c128)],
                [up(c128 + c32, c64), res(c64), res(c64)],
            )
        )
        self.output_block = nn.Sequential(conv(c64 + c16, c32), nn.Conv2d(c32, 3, 1), Sigmoid())

    def forward(
        self, windows: torch.Tensor, crops: torch.Tensor, lower: bool = False
    ) -> torch.Tensor:
        """(batch, 1, 80, 16) in [-4, 4] and (batch, 6, 96, 96) in [0, 1], masked crop first, then
        the reference crop: (batch, 3, 96, 96) in [0, 1], in the crops' colour order.  With `lower`
        only the lower half of that is computed: (batch, 3, 48, 96)."""
        skips = []
        for blocks in self.face_encoder_blocks:
            crops = blocks(crops)
            skips.append(crops)
        rows = LOWER_ROWS if lower else (0,) * len(LOWER_ROWS)
        mouths = self.audio_encoder(windows)
        for blocks, row, wanted in zip(self.face_decoder_blocks, rows, rows[1:], strict=False):
            mouths = blocks(mouths)[:, :, wanted - 2 * row :]
            mouths = torch.cat((mouths, skips.pop()[:, :, wanted:]), dim=1)
        return self.output_block(mouths)[:, :, 1 if lower else 0 :]

    def fold(self) -> None:
        """Merge every batch normalisation into its convolution (evaluation mode only)."""
        for module in list(self.modules()):
            if isinstance(module, Block):
                module.fold()
