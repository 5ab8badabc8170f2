"""RetinaNet over any encoder of timm: anchors at each place of a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kdrun.model.detector import MOST, OneStage
from kdrun.model.pyramid import Pyramid

OCTAVES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
"""Sizes of the anchors of a level, as multiples of the smallest."""

RATIOS = (0.5, 1.0, 2.0)
"""Height over width of anchors."""


class RetinaNet(OneStage):
    """Nine anchors at each place of each level score every class, and say how a box lies to them.

    Lin, Goyal, Girshick, He, Dollár, 2017. https://arxiv.org/abs/1708.02002; by torchvision. Its
    supervised term is the focal loss and the absolute error of offsets, each divided by the
    anchors of a picture that are given a box. The stages are the levels of the pyramid.

    Args:
        encoder: as in `timm.list_models()`.
        num_classes: of boxes.
        in_channels: of the picture.
        width: of pyramid and head.
        anchor: side of a level's smallest anchor, in places of the level; published are 4.
        coarse: two more levels, for objects that are larger than half of the picture.
        score: what scores less is not given.
        pretrained: load timm's weights of the encoder, and normalise as they were trained.

    Raises:
        ValueError: timm has no such encoder, or the anchors have no size.
    """

    def __init__(
        self,
        encoder: str,
        num_classes: int,
        in_channels: int,
        width: int = 128,
        anchor: float = 4.0,
        coarse: bool = False,
        score: float = 0.05,
        pretrained: bool = False,
    ) -> None:
        from torchvision.models.detection import retinanet
        from torchvision.models.detection.anchor_utils import AnchorGenerator

        super().__init__()
        if not anchor > 0:
            raise ValueError(f"anchor={anchor}: must be above 0")
        body = Pyramid(encoder, in_channels, width, coarse, pretrained)
        sizes = tuple(tuple(anchor * stride * o for o in OCTAVES) for stride in body.strides)
        anchors = AnchorGenerator(sizes, (RATIOS,) * len(sizes))
        self.over(
            retinanet.RetinaNet(
                body,
                num_classes,
                anchor_generator=anchors,
                score_thresh=score,
                detections_per_img=MOST,
            )
        )

    def boxes(self, offsets: Tensor, anchors: Sequence[Tensor]) -> Tensor:
        """(N, A, 4) boxes: offsets of the centre and logarithms of sizes, against the anchors."""
        flat: Tensor = self.net.box_coder.decode_single(
            offsets.flatten(0, 1), torch.cat(list(anchors))
        )
        return flat.view_as(offsets)

    def losses(
        self,
        targets: list[dict[str, Tensor]],
        said: dict[str, Tensor],
        anchors: list[Tensor],
        sizes: list[int],
    ) -> dict[str, Tensor]:
        """By torchvision."""
        parts: dict[str, Tensor] = self.net.compute_loss(targets, said, anchors)
        return parts
