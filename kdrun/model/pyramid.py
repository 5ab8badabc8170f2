"""Any encoder of timm under a feature pyramid, as detectors read it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torch import Tensor, nn

from kdrun.config.nearest import nearest

FINEST = 8
"""The finest level has this fraction of the picture's height and width."""


class Pyramid(nn.Module):
    """A feature pyramid over the stages of an encoder, from an eighth of the picture's size down.

    Lin et al., 2017. https://arxiv.org/abs/1612.03144

    Attributes:
        out_channels: width of every level.
        names: of the modules whose outputs are the levels, finest first.
        strides: pixels between two places of each level.

    Args:
        encoder: as in `timm.list_models()`, one whose stages are maps.
        in_channels: of the picture.
        width: of every level.
        coarse: two more levels beyond the encoder's last, as RetinaNet has them.
        pretrained: load timm's weights of the encoder.

    Raises:
        ValueError: timm has no such network, or its stages are no maps.
    """

    def __init__(
        self,
        encoder: str,
        in_channels: int,
        width: int = 256,
        coarse: bool = False,
        pretrained: bool = False,
    ) -> None:
        import timm
        from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7

        super().__init__()
        if not timm.is_model(encoder):
            raise ValueError(
                f"timm has no network '{encoder}'; {nearest(encoder, timm.list_models())}"
            )
        try:
            self.encoder = timm.create_model(
                encoder, features_only=True, in_chans=in_channels, pretrained=pretrained
            )
        except (RuntimeError, AttributeError, AssertionError) as error:
            raise ValueError(f"the stages of timm's {encoder} are no maps: {error}") from error
        info: Any = self.encoder.feature_info
        sizes = [*zip(info.channels(), info.reduction(), strict=True)]
        self.first = next((n for n, (_, r) in enumerate(sizes) if r >= FINEST), len(sizes) - 1)
        kept = sizes[self.first :]
        extra = LastLevelP6P7(width, width) if coarse else None
        self.fpn = FeaturePyramidNetwork([c for c, _ in kept], width, extra)
        self.out_channels = width
        more = ("p6", "p7") if coarse else ()
        self.names = (
            *(f"fpn.layer_blocks.{n}" for n in range(len(kept))),
            *(f"fpn.extra_blocks.{name}" for name in more),
        )
        last = kept[-1][1]
        self.strides = (*(r for _, r in kept), *(last * 2 ** (n + 1) for n in range(len(more))))
        self.normalisation: tuple[tuple[float, ...], tuple[float, ...]] | None = None
        if pretrained and in_channels == 3:
            told: Any = self.encoder.pretrained_cfg
            self.normalisation = tuple(told["mean"]), tuple(told["std"])

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """The levels (N, width, h, w) of (N, in_channels, H, W), finest first."""
        stages = self.encoder(x)[self.first :]
        levels: OrderedDict[str, Tensor] = self.fpn(
            OrderedDict((str(n), stage) for n, stage in enumerate(stages))
        )
        return levels
