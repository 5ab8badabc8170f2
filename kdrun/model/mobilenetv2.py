"""MobileNetV2 for small images."""

from __future__ import annotations

from torch import Tensor, nn

from kdrun.model.init import he_normal

# Expansion, channels, blocks and first stride of each group. Against table 2 of the paper, the
# second group keeps its resolution, for images of 32 pixels.
GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel alone, project without activation."""

    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.residual = stride == 1 and in_channels == channels
        self.conv = nn.Sequential(
            *_convolution(in_channels, wide, 1),
            *_convolution(wide, wide, 3, stride, groups=wide),
            *_convolution(wide, channels, 1)[:2],
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        return x + out if self.residual else out


class MobileNetV2(nn.Module):
    """MobileNetV2 with strides for 32-pixel images.

    Sandler et al., 2018. https://arxiv.org/abs/1801.04381, laid out as in RepDistiller, whose
    parameter names it carries, so weights published for it load.

    Args:
        num_classes: width of the output.
        in_channels: channels of the image.
        width: factor on the channels; the last convolution never has fewer than 1280.
    """

    stage_names = ("blocks.1", "blocks.2", "blocks.4", "blocks.6")
    head_name = "classifier.0"

    def __init__(self, num_classes: int, in_channels: int = 3, width: float = 0.5) -> None:
        super().__init__()
        channels = int(32 * width)
        self.conv1 = _convolution(in_channels, channels, 3, 2)
        self.blocks = nn.Sequential()
        for expansion, base, count, stride in GROUPS:
            group = nn.Sequential()
            for i in range(count):
                group.append(Block(channels, int(base * width), 1 if i else stride, expansion))
                channels = int(base * width)
            self.blocks.append(group)
        last = int(1280 * max(1.0, width))
        self.conv2 = _convolution(channels, last, 1)
        linear = nn.Linear(last, num_classes)
        self.classifier = nn.Sequential(linear)
        he_normal(self)
        nn.init.normal_(linear.weight, std=0.01)
        nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) images of any size to (N, num_classes) logits."""
        x = self.conv2(self.blocks(self.conv1(x)))
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def _convolution(
    in_channels: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
