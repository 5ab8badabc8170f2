"""VGG networks with batch normalisation for small images."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from kdrun.model.init import he_normal

LAYERS = {
    8: (1, 1, 1, 1, 1),
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


class VGG(nn.Module):
    """VGG without hidden fully connected layers: five blocks of 3×3 convolutions.

    Simonyan, Zisserman, 2015. https://arxiv.org/abs/1409.1556, with the batch normalisation and
    the average pooling of RepDistiller, whose parameter names it carries, so weights published
    for it load. The first three blocks are followed by 2×2 max-pooling, the fourth only where the
    image has 64 pixels or more. Images need at least 8 pixels.

    Args:
        num_classes: width of the output.
        in_channels: channels of the image.
        depth: 8, 11, 13, 16 or 19.
    """

    stage_names = ("block1", "block2", "block3", "block4")
    head_name = "classifier"

    def __init__(self, num_classes: int, in_channels: int = 3, depth: int = 8) -> None:
        super().__init__()
        if depth not in LAYERS:
            raise ValueError(f"depth={depth}: VGG has {', '.join(map(str, LAYERS))} layers")
        widths = (in_channels, 64, 128, 256, 512, 512)
        self.block0, self.block1, self.block2, self.block3, self.block4 = (
            _block(widths[i], widths[i + 1], layers) for i, layers in enumerate(LAYERS[depth])
        )
        self.classifier = nn.Linear(512, num_classes)
        he_normal(self)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) images to (N, num_classes) logits."""
        large = x.shape[-1] >= 64
        x = F.max_pool2d(self.block0(x), 2)
        x = F.max_pool2d(self.block1(x), 2)
        x = F.max_pool2d(self.block2(x), 2)
        x = self.block3(x)
        x = self.block4(F.max_pool2d(x, 2) if large else x)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def _block(in_channels: int, channels: int, layers: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for i in range(layers):
        modules += [
            nn.Conv2d(channels if i else in_channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*modules)
