"""ShuffleNet for small images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (240, 480, 960)
BLOCKS = (4, 8, 4)
GROUPS = 3


class Block(nn.Module):
    """Grouped 1×1 convolution, channel shuffle, depthwise 3×3, grouped 1×1, and a shortcut.

    With a stride, the shortcut is a pooled copy of the input that is appended, not added.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, groups: int) -> None:
        super().__init__()
        self.stride, self.groups = stride, groups
        if stride == 2:
            channels -= in_channels
        middle = channels // 4
        self.conv1 = nn.Conv2d(in_channels, middle, 1, groups=groups, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, groups=middle, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(middle, channels, 1, groups=GROUPS, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.relu3 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        out = F.channel_shuffle(self.relu1(self.bn1(self.conv1(x))), self.groups)
        out = self.bn3(self.conv3(self.relu2(self.bn2(self.conv2(out)))))
        joined = torch.cat([out, F.avg_pool2d(x, 3, 2, 1)], 1) if self.stride == 2 else out + x
        active: Tensor = self.relu3(joined)
        return active


class ShuffleNetV1(nn.Module):
    """ShuffleNet 1×, three groups, with a 1×1 stem for 32-pixel images.

    Zhang, Zhou, Lin, Sun, 2018. https://arxiv.org/abs/1707.01083, laid out as in RepDistiller,
    whose parameter names it carries, so weights published for it load.

    Args:
        num_classes: width of the output.
        in_channels: channels of the image.
    """

    stage_names = ("layer1", "layer2", "layer3")
    head_name = "linear"

    def __init__(self, num_classes: int, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 24, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.relu = nn.ReLU(inplace=True)
        self.layer1, self.layer2, self.layer3 = (
            _stage(before, width, blocks)
            for before, width, blocks in zip((24, *WIDTHS), WIDTHS, BLOCKS, strict=False)
        )
        self.linear = nn.Linear(WIDTHS[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) images of any size to (N, num_classes) logits."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


def _stage(in_channels: int, channels: int, blocks: int) -> nn.Sequential:
    # The 24 channels of the stem are too few to be split into groups (section 3.2).
    first = Block(in_channels, channels, 2, 1 if in_channels == 24 else GROUPS)
    return nn.Sequential(first, *(Block(channels, channels, 1, GROUPS) for _ in range(blocks - 1)))
