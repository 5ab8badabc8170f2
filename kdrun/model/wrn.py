"""Wide residual networks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from kdrun.model.init import he_normal


class Block(nn.Module):
    """Normalise, activate, convolve, twice, and a shortcut.

    Where the shape changes, the shortcut is a 1×1 convolution of the activated input.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        # The name is that of the published weights.
        self.convShortcut = (
            None
            if in_channels == channels
            else nn.Conv2d(in_channels, channels, 1, stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        active = self.relu1(self.bn1(x))
        out = self.relu2(self.bn2(self.conv1(active)))
        if self.dropout:
            out = F.dropout(out, self.dropout, self.training)
        residual: Tensor = self.conv2(out)
        return residual + (x if self.convShortcut is None else self.convShortcut(active))


class Stage(nn.Module):
    """Blocks of one width, the first of which may have a stride."""

    def __init__(
        self, in_channels: int, channels: int, blocks: int, stride: int, dropout: float
    ) -> None:
        super().__init__()
        rest = [Block(channels, channels, 1, dropout) for _ in range(blocks - 1)]
        self.layer = nn.Sequential(Block(in_channels, channels, stride, dropout), *rest)

    def forward(self, x: Tensor) -> Tensor:
        """As its blocks, one after the other."""
        out: Tensor = self.layer(x)
        return out


class WideResNet(nn.Module):
    """WRN-depth-width: a 3×3 stem and three stages of (depth - 4) / 6 pre-activation blocks.

    Zagoruyko, Komodakis, 2016. https://arxiv.org/abs/1605.07146. Stages end in a sum, before the
    next block's batch norm and activation; before their activation they are read between these
    two, as in RepDistiller and mdistiller. Parameters carry RepDistiller's names, so weights
    published for it load.

    Args:
        num_classes: width of the output.
        in_channels: channels of the image.
        depth: 6n + 4: 16, 22, 28, 40.
        width: factor on the channels 16, 32, 64 of the stages.
        dropout: probability between a block's convolutions.
    """

    stage_names = ("block1", "block2", "block3")
    activation_names = ("block2.layer.0.relu1", "block3.layer.0.relu1", "relu")
    head_name = "fc"

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        depth: int = 16,
        width: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if depth < 10 or depth % 6 != 4:
            raise ValueError(f"depth={depth}: a wide residual network has 6n + 4 layers, n ≥ 1")
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.block1 = Stage(16, 16 * width, blocks, 1, dropout)
        self.block2 = Stage(16 * width, 32 * width, blocks, 2, dropout)
        self.block3 = Stage(32 * width, 64 * width, blocks, 2, dropout)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(64 * width, num_classes)
        he_normal(self)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) images of any size to (N, num_classes) logits."""
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        logits: Tensor = self.fc(self.relu(self.bn1(x)).mean((2, 3)))
        return logits
