"""The two towers of convolutions in the head of a detector, begun here and ended elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.model.detector import OneStage

Both = tuple[Tensor, Tensor]
"""Of one level, what the tower of scores holds and what that of boxes does, each (N, C, H, W)."""


class Towers:
    """The head of a detector that scores fixed places, in two parts.

    Args:
        detector: whose head it is; its parameters stay where they are.

    Attributes:
        convs: of each tower, before it answers.
        width: of the tower.
    """

    def __init__(self, detector: OneStage) -> None:
        self.detector = detector
        head = detector.net.head
        self.answers = (head.classification_head.cls_logits, head.regression_head.bbox_reg)
        self.classes = head.classification_head.num_classes
        self.towers = (blocks(head.classification_head.conv), blocks(head.regression_head.conv))
        self.convs = len(self.towers[0])
        self.width: int = self.answers[0].in_channels

    def begun(self, levels: Sequence[Tensor], convs: int) -> list[Both]:
        """What stands in the towers after some convolutions, before the last one is activated.

        Args:
            levels: of the pyramid.
            convs: how many; of none it is the levels themselves.
        """
        return [(self._to(0, level, convs), self._to(1, level, convs)) for level in levels]

    def _to(self, tower: int, level: Tensor, convs: int) -> Tensor:
        for place, block in enumerate(self.towers[tower][:convs]):
            level = block(F.relu(level) if place else level)
        return level

    def ended(self, both: Sequence[Both], convs: int) -> Both:
        """What the head says of such: (N, A, C) scores and (N, A, 4) offsets of boxes.

        Args:
            both: of each level.
            convs: how many convolutions they have behind them.
        """
        scores = [self._from(0, scored, convs, self.classes) for scored, _ in both]
        boxes = [self._from(1, boxed, convs, 4) for _, boxed in both]
        return torch.cat(scores, 1), self.detector.offsets(torch.cat(boxes, 1))

    def _from(self, tower: int, x: Tensor, convs: int, numbers: int) -> Tensor:
        for place, block in enumerate(self.towers[tower][convs:], convs):
            x = block(F.relu(x) if place else x)
        said = self.answers[tower](F.relu(x) if self.convs else x)
        # (N, A * K, H, W) to (N, H * W * A, K), as torchvision lays them out.
        laid: Tensor = said.unflatten(1, (-1, numbers)).permute(0, 3, 4, 1, 2).flatten(1, 3)
        return laid

    def boxes(self, offsets: Tensor, size: Sequence[int], levels: Sequence[Tensor]) -> Tensor:
        """(N, A, 4) boxes in pixels.

        Args:
            offsets: (N, A, 4), from `ended`.
            size: height and width of the pictures.
            levels: of the pyramid.
        """
        return self.detector.boxes(offsets, self.detector.anchors(levels, size))


def blocks(tower: nn.Sequential) -> list[nn.Sequential]:
    """The convolutions of a tower, each with what normalises it, without activations."""
    parts = chain(*(block if isinstance(block, nn.Sequential) else (block,) for block in tower))
    found: list[nn.Sequential] = []
    for part in parts:
        if isinstance(part, nn.Conv2d):
            found.append(nn.Sequential(part))
        elif not isinstance(part, nn.ReLU):
            found[-1].append(part)
    return found


def towers(network: nn.Module) -> Towers | None:
    """Those of a network or a teacher, however deep the detector lies in it; None without one."""
    within: nn.Module = getattr(network, "network", network)  # of a teacher that is built late
    detector = next((part for part in within.modules() if isinstance(part, OneStage)), None)
    return None if detector is None else Towers(detector)
