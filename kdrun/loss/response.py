"""What the heads of two detectors say at each place: classes by classes, and boxes by overlap."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, full
from kdrun.types import Batch, Outputs

EPSILON = 1e-7
"""Square pixels beside areas, so that none is divided by."""


class Response(Loss):
    """Match scores as binary decisions, and boxes by their overlap, where both differ most.

        L = 1 / P · Σ_i [ Σ_c w_ic · BCE(σ(s_ic), σ(t_ic)) + b · max_c w_ic · (1 − GIoU_i) ]
        w_ic = |σ(t_ic) − σ(s_ic)|;  P = Σ_i max_c σ(t_ic), 1 or more

    Yang et al., 2023. https://arxiv.org/abs/2308.14286

    Both detectors have to score the same places: of one kind, with the same levels and anchors. P
    is about how many places the teacher sees a thing at; the authors count those that labels give
    to a box. Of boxes, w is a constant.

    Args:
        boxes: b, weight of the overlap.
    """

    needs = ("heads",)

    def __init__(self, boxes: float = 4.0) -> None:
        super().__init__()
        if not boxes >= 0:
            raise ValueError(f"boxes={boxes}: give 0 or more")
        self.boxes = boxes

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Refuse detectors that score other places."""
        _heads(student, teacher)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The sum over places, by how many the teacher sees something at."""
        s, t, own, theirs = _heads(student, teacher)
        probability = t.sigmoid()
        differs = (probability - s.sigmoid()).abs()
        scores = differs * F.binary_cross_entropy_with_logits(s, probability, reduction="none")
        overlap = 1 - generalised_overlap(own, theirs)
        places = (differs.detach().amax(2) * overlap).sum()
        seen = probability.amax(2).sum().clamp(min=1)
        return (scores.sum() + self.boxes * places) / seen


def _heads(student: Outputs, teacher: Outputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores of both, (N, A, C), and boxes of both, (N, A, 4); the teacher's cut off."""
    if len(student.heads) != 2 or len(teacher.heads) != 2:
        raise ValueError(
            "this compares what detectors score at fixed places: take fcos_resnet18 or "
            "retinanet_resnet18, say, as student and teacher"
        )
    s, t = full(student.heads[0]), full(teacher.heads[0]).detach()
    if s.shape != t.shape:
        raise ValueError(
            f"student scores {tuple(s.shape)} and teacher scores {tuple(t.shape)} differ: both "
            "must be of one kind, with the same levels and anchors, and know the same classes"
        )
    return s, t, full(student.heads[1]), full(teacher.heads[1]).detach()


def generalised_overlap(own: Tensor, other: Tensor) -> Tensor:
    """Intersection over union, less the share of the smallest box around both that is in neither.

    Rezatofighi et al., 2019. https://arxiv.org/abs/1902.09630

    Args:
        own: (..., 4) left, top, right, bottom.
        other: likewise.
    """
    low, high = (
        torch.maximum(own[..., :2], other[..., :2]),
        torch.minimum(own[..., 2:], other[..., 2:]),
    )
    common = (high - low).clamp(min=0).prod(-1)
    area, others = ((x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (own, other))
    union = area + others - common + EPSILON
    least = torch.minimum(own[..., :2], other[..., :2])
    most = torch.maximum(own[..., 2:], other[..., 2:])
    around = (most - least).clamp(min=0).prod(-1) + EPSILON
    return common / union - (around - union) / around
