"""FCOS over any encoder of timm: a box at each place of a feature pyramid, without anchors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from kdrun.model.detector import MOST, OneStage
from kdrun.model.pyramid import Pyramid

GROUP = 32
"""Groups of the head's normalisation: widths are multiples of this."""

REACH = 2.0
"""Places of its level that a box reaches to each side before anything is learnt."""


def _head(width: int, num_classes: int, convs: int) -> nn.Module:
    """torchvision's head, that cannot fall silent.

    Groups have at least two channels: of one, a single place is refused. Sides begin at a distance
    of `REACH`: torchvision's begin around zero, and end there in a ReLU that nothing moves again,
    if the first steps are large.
    """
    from torchvision.models.detection import fcos

    head: Any = fcos.FCOSHead(width, 1, num_classes, convs)
    if width == GROUP:
        norm = partial(nn.GroupNorm, GROUP // 2)
        scores = fcos.FCOSClassificationHead(width, 1, num_classes, convs, norm_layer=norm)
        head.classification_head = scores
        head.regression_head = fcos.FCOSRegressionHead(width, 1, convs, norm_layer=norm)
    nn.init.constant_(head.regression_head.bbox_reg.bias, REACH)
    made: nn.Module = head
    return made


class FCOS(OneStage):
    """Each place of each level scores every class, and says how far a box reaches from it.

    Tian, Shen, Chen, He, 2019. https://arxiv.org/abs/1904.01355; by torchvision, with a head of the
    given width. Its supervised term is the focal loss, the generalised overlap and the
    centre-ness, each divided by the places of the batch that are given a box. The stages are the
    levels of the pyramid.

    Args:
        encoder: as in `timm.list_models()`.
        num_classes: of boxes.
        in_channels: of the picture.
        width: of pyramid and head, a multiple of 32.
        convs: of the head, before it answers.
        coarse: two more levels, for objects that are larger than half of the picture.
        score: what scores less is not given.
        pretrained: load timm's weights of the encoder, and normalise as they were trained.

    Raises:
        ValueError: timm has no such encoder, or the width does not fit.
    """

    def __init__(
        self,
        encoder: str,
        num_classes: int,
        in_channels: int,
        width: int = 128,
        convs: int = 4,
        coarse: bool = False,
        score: float = 0.05,
        pretrained: bool = False,
    ) -> None:
        from torchvision.models.detection import fcos
        from torchvision.models.detection.anchor_utils import AnchorGenerator

        super().__init__()
        if width % GROUP or width < GROUP:
            raise ValueError(f"width={width}: give a multiple of {GROUP}, its groups of channels")
        body = Pyramid(encoder, in_channels, width, coarse, pretrained)
        anchors = AnchorGenerator(
            tuple((stride,) for stride in body.strides), ((1.0,),) * len(body.strides)
        )
        self.over(
            fcos.FCOS(
                body,
                num_classes,
                anchor_generator=anchors,
                head=_head(width, num_classes, convs),
                score_thresh=score,
                detections_per_img=MOST,
            )
        )

    def offsets(self, said: Tensor) -> Tensor:
        """A side lies no less than 0 away."""
        return said.relu()

    def boxes(self, offsets: Tensor, anchors: Sequence[Tensor]) -> Tensor:
        """(N, A, 4) boxes: how far each side lies from the place, times the size of a place."""
        decoded: Tensor = self.net.box_coder.decode(offsets, torch.stack(list(anchors)))
        return decoded

    def losses(
        self,
        targets: list[dict[str, Tensor]],
        said: dict[str, Tensor],
        anchors: list[Tensor],
        sizes: list[int],
    ) -> dict[str, Tensor]:
        """By torchvision."""
        parts: dict[str, Tensor] = self.net.compute_loss(targets, said, anchors, sizes)
        return parts
