"""What detectors of torchvision say, in the form of the task: boxes, and a loss of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.task.detection import FIELDS, real

MULTIPLE = 32
"""Pictures are filled up to a multiple of this, so that places of levels lie where they should."""

MOST = 100
"""Boxes that are given of a picture, the best ones."""


class Found(NamedTuple):
    """What a detector says of N pictures.

    Attributes:
        logits: (N, D, 6), as `kdrun.task.detection.Detection` has them; D is 0 in training.
        heads: as in `Outputs`; empty of a detector that has no such.
        loss: a scalar, where it was told the targets.
    """

    logits: Tensor
    heads: tuple[Tensor, ...] = ()
    loss: Tensor | None = None


class Detector(nn.Module):
    """One of torchvision's detectors; a subclass makes it, and says how it answers.

    torchvision's own resizing and normalising is left out: pictures have the size of the data, and
    `Network` normalises them.

    Attributes:
        net: of `torchvision.models.detection`.
    """

    net: Any
    has_heads: ClassVar[bool] = False
    capturable: ClassVar[str] = "the number of boxes is asked of the device"

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Found:
        """Boxes of pictures (N, C, H, W); with targets (N, M, 6), the loss instead."""
        from torchvision.models.detection.image_list import ImageList

        count, _, height, width = x.shape
        filled = F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
        maps = self.net.backbone(filled)
        images = ImageList(filled, [(height, width)] * count)
        return self.answer(images, maps, None if targets is None else real(targets))

    def answer(
        self, images: Any, maps: Mapping[str, Tensor], targets: list[dict[str, Tensor]] | None
    ) -> Found:
        """What it says of the levels of some pictures.

        Args:
            images: torchvision's list of them.
            maps: the levels, finest first.
            targets: as torchvision wants them; None to be given boxes.
        """
        raise NotImplementedError


class OneStage(Detector):
    """A detector that scores classes at fixed places of every level: FCOS, RetinaNet."""

    has_heads: ClassVar[bool] = True

    def over(self, net: Any) -> None:
        """Take a detector of torchvision over a `Pyramid`, whose levels are its stages."""
        self.net, body = net, net.backbone
        self.stage_names = tuple(f"net.backbone.{name}" for name in body.names)
        self.head_name = "net.head.classification_head.cls_logits"
        if body.normalisation is not None:
            self.input_mean, self.input_std = body.normalisation

    def answer(
        self, images: Any, maps: Mapping[str, Tensor], targets: list[dict[str, Tensor]] | None
    ) -> Found:
        """As `Detector.answer`."""
        levels = list(maps.values())
        said = self.net.head(levels)
        each = self.net.anchor_generator.num_anchors_per_location()
        sizes = [n * m.shape[2] * m.shape[3] for n, m in zip(each, levels, strict=True)]
        empty = images.tensors.new_zeros(len(images.tensors), 0, FIELDS)
        if images.tensors.is_meta:  # what it costs is counted: no box is ever chosen there
            return Found(empty)
        anchors = self.net.anchor_generator(images, levels)
        heads = (said["cls_logits"], self.boxes(said["bbox_regression"], anchors))
        if targets is not None:
            return Found(empty, heads, total(self.losses(targets, said, anchors, sizes)))
        cut = {name: list(values.split(sizes, 1)) for name, values in said.items()}
        places = [list(anchor.split(sizes)) for anchor in anchors]
        found = self.net.postprocess_detections(cut, places, images.image_sizes)
        return Found(listed(found, empty), heads)

    def anchors(self, levels: Sequence[Tensor], size: Sequence[int]) -> list[Tensor]:
        """(A, 4) for each of N pictures, whose height and width are given."""
        from torchvision.models.detection.image_list import ImageList

        height, width = (side + -side % MULTIPLE for side in size)
        filled = levels[0].new_empty(len(levels[0]), 0, height, width)
        found: list[Tensor] = self.net.anchor_generator(
            ImageList(filled, [(size[0], size[1])] * len(filled)), list(levels)
        )
        return found

    def offsets(self, said: Tensor) -> Tensor:
        """What the last convolution says of boxes, as `boxes` reads it."""
        return said

    def boxes(self, offsets: Tensor, anchors: Sequence[Tensor]) -> Tensor:
        """(N, A, 4) boxes in pixels, of what the head says (N, A, 4) at N times (A, 4) anchors."""
        raise NotImplementedError

    def losses(
        self,
        targets: list[dict[str, Tensor]],
        said: dict[str, Tensor],
        anchors: list[Tensor],
        sizes: list[int],
    ) -> dict[str, Tensor]:
        """The parts of the loss, by torchvision."""
        raise NotImplementedError


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """The sum of the parts of a loss, each with weight one, as torchvision trains."""
    parts = list(losses.values())
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def listed(found: Sequence[Mapping[str, Tensor]], empty: Tensor, background: int = 0) -> Tensor:
    """Boxes that torchvision found, as (N, 100, 6).

    Args:
        found: of each picture, its `labels`, `scores` and `boxes`, best first.
        empty: (N, 0, 6), where and of which type they are to be.
        background: how many classes come before the first that is one.
    """
    rows = empty.new_zeros(len(found), MOST, FIELDS)
    rows[..., 0] = -1
    for place, one in enumerate(found):
        count = min(len(one["labels"]), MOST)
        rows[place, :count, 0] = (one["labels"][:count] - background).to(rows.dtype)
        rows[place, :count, 1] = one["scores"][:count].to(rows.dtype)
        rows[place, :count, 2:] = one["boxes"][:count].to(rows.dtype)
    return rows
