"""Cross-head distillation: the student's features through the end of the teacher's head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.response import generalised_overlap
from kdrun.model.towers import Towers, towers
from kdrun.types import Batch, Outputs

EPSILON = 1e-6
"""Beside deviations, so that none is divided by zero."""


class CrossKD(Loss):
    """Match what the end of the teacher's head says of the student's features and of its own.

        L = 1 / P · Σ_i [ s · Σ_c w_ic · BCE(σ(x_ic), σ(t_ic)) + b · q_i · (1 − GIoU_i) ]
        w_ic = |σ(x_ic) − σ(t_ic)|;  q_i = max_c σ(t_ic);  P = Σ_i q_i, 1 or more

    Wang, Chen, Zheng, Li, Cheng, Hou, 2023. https://arxiv.org/abs/2306.11369

    x and its boxes are crossed: the student's pyramid and the beginning of its head, then the last
    convolutions of the teacher's and its answer. There each channel of a level gets the teacher's
    mean and deviation over the batch. A 1×1 convolution aligns where heads differ in width. Labels
    then teach the student's own answer alone, which the teacher may contradict. Both detectors have
    to be of one kind, with the same levels and anchors. P is about how many places the teacher sees
    a thing at; the authors count those that labels give to a box.

    Args:
        convs: of the teacher's head, that the student's features go through; the authors' for
            RetinaNet is 1 of 4, for FCOS 2 of 4. Of a head with fewer it is all.
        scores: s, weight of scores; for FCOS they have 0.4.
        boxes: b, weight of the overlap; for FCOS they have 0.75, of plain overlap.
    """

    needs = ("features", "heads")

    def __init__(self, convs: int = 1, scores: float = 1.0, boxes: float = 1.0) -> None:
        super().__init__()
        if convs < 0:
            raise ValueError(f"convs={convs}: give 0 or more")
        if not (scores >= 0 and boxes >= 0):
            raise ValueError(f"scores={scores}, boxes={boxes}: give 0 or more")
        self.convs, self.scores, self.boxes = convs, scores, boxes
        self.align = nn.ModuleList()
        self._heads: tuple[Towers, ...] = ()

    def meet(self, student: nn.Module, teacher: nn.Module) -> None:
        """Find both heads."""
        found = (towers(student), towers(teacher))
        self._heads = tuple(one for one in found if one is not None)

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the alignment of both towers.

        Raises:
            ValueError: there are no such heads, or they score other places.
        """
        if len(self._heads) != 2:
            raise ValueError(
                "this goes through the heads of two detectors: take fcos_resnet18 or "
                "retinanet_resnet18, say, as student and as teacher, which is a network"
            )
        s, t = (said.heads[0].shape for said in (student, teacher))
        kinds = [type(head.detector).__name__ for head in self._heads]
        if s != t or kinds[0] != kinds[1]:
            raise ValueError(
                f"a student that is {kinds[0]} and scores {tuple(s)} and a teacher that is "
                f"{kinds[1]} and scores {tuple(t)} differ: both must be of one kind, with the same "
                "levels and anchors, and know the same classes"
            )
        own, other = (head.width for head in self._heads)
        self.align = nn.ModuleList(
            nn.Identity() if own == other else nn.Conv2d(own, other, 1) for _ in range(2)
        )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The sum over places, by how many the teacher sees something at."""
        assert isinstance(batch.input, Tensor)
        size = batch.input.shape[2:]
        s, own = self._crossed(student.features, teacher.features, size)
        t, boxes = (full(said).detach() for said in teacher.heads)
        probability = t.sigmoid()
        differs = (probability - s.sigmoid()).abs()
        scores = differs * F.binary_cross_entropy_with_logits(s, probability, reduction="none")
        seen = probability.amax(2)
        places = seen * (1 - generalised_overlap(own, boxes))
        return (self.scores * scores.sum() + self.boxes * places.sum()) / seen.sum().clamp(min=1)

    def _crossed(
        self, student: Sequence[Tensor], teacher: Sequence[Tensor], size: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Scores and boxes that the teacher's head makes of the student's features."""
        own, other = self._heads
        mine, there = (max(0, head.convs - self.convs) for head in (own, other))
        levels = [full(level) for level in student]
        begun = own.begun(levels, mine)
        with torch.no_grad():
            known = other.begun([full(level) for level in teacher], there)
        crossed = []
        for level, theirs in zip(begun, known, strict=True):
            each = zip(self.align, level, theirs, strict=True)
            scored, boxed = (like(align(x), y) for align, x, y in each)
            crossed.append((scored, boxed))
        scores, offsets = other.ended(crossed, there)
        return scores, other.boxes(offsets, size, levels)


def like(x: Tensor, other: Tensor) -> Tensor:
    """A map (N, C, H, W), each channel with the mean and deviation of another's over the batch."""
    mean, to = (one.mean((0, 2, 3), keepdim=True) for one in (x, other))
    deviation, scale = (one.std((0, 2, 3), keepdim=True) for one in (x, other))
    return (x - mean) / (deviation + EPSILON) * scale + to
