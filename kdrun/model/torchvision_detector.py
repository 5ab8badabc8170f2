"""torchvision's detectors that score no fixed places: SSDLite and Faster R-CNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from kdrun.model.detector import Detector, Found, listed, total
from kdrun.model.from_torchvision import made
from kdrun.task.detection import FIELDS

PYRAMID = tuple(f"backbone.fpn.layer_blocks.{level}" for level in range(4))
"""The levels of a ResNet's pyramid."""

STAGES = {
    "ssdlite320_mobilenet_v3_large": (
        *("backbone.features.0", "backbone.features.1"),
        *(f"backbone.extra.{block}" for block in range(4)),
    ),
    "fasterrcnn_resnet50_fpn": PYRAMID,
    "fasterrcnn_mobilenet_v3_large_320_fpn": PYRAMID[:2],
}
"""What each reads its boxes from, finest first."""


class TorchvisionDetector(Detector):
    """One of torchvision's detectors, which tells a background from the classes by a softmax.

    Its supervised term is that of torchvision, each part with weight one. It draws which proposals
    it learns from (Faster R-CNN), by the numbers of the run's seed.

    Args:
        name: one of `STAGES`.
        num_classes: of boxes, without the background.
        in_channels: of the picture: 3.
        pretrained: load torchvision's weights of the backbone, and normalise as they were trained.

    Raises:
        ValueError: there is no such network, or the picture has other channels.
    """

    def __init__(
        self, name: str, num_classes: int, in_channels: int, pretrained: bool = False
    ) -> None:
        super().__init__()
        self.net = made(name, STAGES, in_channels, pretrained, num_classes=num_classes + 1)
        self.stage_names = tuple(f"net.{stage}" for stage in STAGES[name])
        mean, std = self.net.transform.image_mean, self.net.transform.image_std
        if pretrained:
            self.input_mean, self.input_std = tuple(mean), tuple(std)

    def answer(
        self, images: Any, maps: Mapping[str, Tensor], targets: list[dict[str, Tensor]] | None
    ) -> Found:
        """As `Detector.answer`; class 0 of torchvision's is the background."""
        empty = images.tensors.new_zeros(len(images.tensors), 0, FIELDS)
        if targets is not None:
            targets = [{**one, "labels": one["labels"] + 1} for one in targets]
        if hasattr(self.net, "roi_heads"):
            return self._two_stages(images, maps, targets, empty)
        return self._one_stage(images, maps, targets, empty)

    def _two_stages(self, images: Any, maps: Any, targets: Any, empty: Tensor) -> Found:
        if images.tensors.is_meta:  # its cost depends on what it finds: the backbone's is counted
            self.net.rpn.head(list(maps.values()))
            return Found(empty)
        proposals, first = self.net.rpn(images, maps, targets)
        found, second = self.net.roi_heads(maps, proposals, images.image_sizes, targets)
        if targets is not None:
            return Found(empty, loss=total({**first, **second}))
        return Found(listed(found, empty, 1))

    def _one_stage(self, images: Any, maps: Any, targets: Any, empty: Tensor) -> Found:
        from torchvision.ops import box_iou

        levels = list(maps.values())
        said = self.net.head(levels)
        if images.tensors.is_meta:
            return Found(empty)
        anchors = self.net.anchor_generator(images, levels)
        if targets is None:
            found = self.net.postprocess_detections(said, anchors, images.image_sizes)
            return Found(listed(found, empty, 1))
        matched = [
            self.net.proposal_matcher(box_iou(one["boxes"], places))
            if len(one["boxes"])
            else torch.full((len(places),), -1, dtype=torch.int64, device=places.device)
            for one, places in zip(targets, anchors, strict=True)
        ]
        return Found(empty, loss=total(self.net.compute_loss(targets, said, anchors, matched)))
