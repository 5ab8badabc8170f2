"""Residual networks for 32-pixel images: three stages of basic blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from kdrun.model.init import he_normal


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut, which is a 1×1 convolution where the shape changes."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out)) + self.downsample(x)
        active: Tensor = self.relu2(out)
        return active


class ResNet(nn.Module):
    """ResNet for CIFAR: a 3×3 stem, three stages of (depth - 2) / 6 blocks, average pooling.

    He, Zhang, Ren, Sun, 2016. https://arxiv.org/abs/1512.03385 (section 4.2), with projection
    shortcuts. Parameters carry RepDistiller's names, so weights published for it load.

    Args:
        num_classes: width of the output.
        in_channels: channels of the image.
        depth: 6n + 2: 8, 14, 20, 32, 44, 56, 110.
        widths: channels of the stem and of the three stages.
    """

    stage_names = ("layer1", "layer2", "layer3")
    head_name = "fc"

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        depth: int = 20,
        widths: Sequence[int] = (16, 16, 32, 64),
    ) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth={depth}: a ResNet of basic blocks has 6n + 2 layers, n ≥ 1")
        if len(widths) != 4:
            raise ValueError(f"widths={list(widths)}: give four, of the stem and three stages")
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(widths[0], widths[1], blocks, stride=1)
        self.layer2 = _stage(widths[1], widths[2], blocks, stride=2)
        self.layer3 = _stage(widths[2], widths[3], blocks, stride=2)
        self.fc = nn.Linear(widths[3], num_classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) images of any size to (N, num_classes) logits."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def _stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    rest = [Block(channels, channels, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Block(in_channels, channels, stride), *rest)
