"""ShuffleNetV2 for small images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (116, 232, 464)
BLOCKS = (3, 7, 3)
LAST = 1024


class Block(nn.Module):
    """Keep one half of the channels, convolve the other, and shuffle the halves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Conv2d(half, half, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, half, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(half)
        self.relu3 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        kept, x = x.chunk(2, dim=1)
        x = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        x = self.relu3(self.bn3(self.conv3(x)))
        return F.channel_shuffle(torch.cat([kept, x], 1), 2)


class Down(nn.Module):
    """Halve the resolution in two branches, each of half the new channels."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, 2, 1, groups=in_channels, bias=False)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv2 = nn.Conv2d(in_channels, half, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(in_channels, half, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(half)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(half, half, 3, 2, 1, groups=half, bias=False)
        self.bn4 = nn.BatchNorm2d(half)
        self.conv5 = nn.Conv2d(half, half, 1, bias=False)
        self.bn5 = nn.BatchNorm2d(half)
        self.relu5 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, channels, H / 2, W / 2)."""
        left = self.relu2(self.bn2(self.conv2(self.bn1(self.conv1(x)))))
        right = self.bn4(self.conv4(self.relu3(self.bn3(self.conv3(x)))))
        right = self.relu5(self.bn5(self.conv5(right)))
        return F.channel_shuffle(torch.cat([left, right], 1), 2)


class ShuffleNetV2(nn.Module):
    """ShuffleNetV2 1×, with a 1×1 stem for 32-pixel images.

    Ma, Zhang, Zheng, Sun, 2018. https://arxiv.org/abs/1807.11164, laid out as in RepDistiller,
    whose parameter names it carries, so weights published for it load. Stages end in a shuffle
    of activated channels: they stand as they are for their pre-activations.

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
        self.relu1 = nn.ReLU(inplace=True)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Down(before, width), *(Block(width) for _ in range(blocks)))
            for before, width, blocks in zip((24, *WIDTHS), WIDTHS, BLOCKS, strict=False)
        )
        self.conv2 = nn.Conv2d(WIDTHS[-1], LAST, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(LAST)
        self.relu2 = nn.ReLU(inplace=True)
        self.linear = nn.Linear(LAST, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) images of any size to (N, num_classes) logits."""
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits
