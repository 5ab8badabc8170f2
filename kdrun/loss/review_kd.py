"""Knowledge review."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import pairs, same_shape
from kdrun.types import Batch, Outputs


class ReviewKD(Loss):
    """Match each stage of the teacher by the student's stages of that depth and deeper, fused.

        L = Σ_l Σ_p w_p mean (pool_p(A_l) − pool_p(T_l))² / Σ_p w_p,
        pools to the full size, 4×4, 2×2 and 1×1 pixels, w = 1, ½, ¼, ⅛ where smaller than full

    Chen, Liu, Zhao, Jia, 2021. https://arxiv.org/abs/2104.09044

    A_l is a 3×3 convolution of U_l, the student's stage l and U_{l+1} under learned attention,
    from the embedding on top downwards. The teacher is read before its activations; the student
    after them, as in the authors' and mdistiller's CIFAR code. Published with weight 5 and a
    warm-up of 20 epochs.

    Args:
        width: largest number of channels of U.
        preactivations: read the student before its activations, as published on ImageNet.
    """

    needs = ("features", "preactivations", "embedding")
    fusions: nn.ModuleList

    def __init__(self, width: int = 512, preactivations: bool = False) -> None:
        super().__init__()
        self.width = width
        self.preactivations = preactivations

    def stages(self, student: Outputs, teacher: Outputs) -> list[tuple[Tensor, Tensor]]:
        """Pairs to compare, the embedding as the last of them."""
        if student.embedding is None or teacher.embedding is None:
            raise ValueError("review_kd reads embeddings; student or teacher has none")
        ours = student.preactivations if self.preactivations else student.features
        return [
            *pairs(ours, teacher.preactivations),
            *pairs([student.embedding], [teacher.embedding]),
        ]

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size a fusion for each stage and for the embedding."""
        widths = [(s.shape[1], t.shape[1]) for s, t in self.stages(student, teacher)]
        middle = min(self.width, widths[-1][0])
        self.fusions = nn.ModuleList(
            Fusion(s, middle, t, deepest=place == len(widths) - 1)
            for place, (s, t) in enumerate(widths)
        )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The hierarchical distance, summed over stages."""
        terms = []
        fused: Tensor | None = None
        stages = self.stages(student, teacher)
        for fusion, (s, t) in zip(reversed(self.fusions), reversed(stages), strict=True):
            reached, fused = fusion(s, fused, t.shape[2:])
            terms.append(hierarchical(*same_shape(reached, t)))
        return torch.stack(terms).sum()


class Fusion(nn.Module):
    """A stage fused with what was fused of the deeper ones, and its image in the teacher.

    Args:
        student: channels of the student's stage.
        middle: channels of what is fused.
        teacher: channels of the teacher's stage.
        deepest: whether there is nothing deeper to fuse with.
    """

    def __init__(self, student: int, middle: int, teacher: int, *, deepest: bool) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Conv2d(student, middle, 1, bias=False), nn.BatchNorm2d(middle)
        )
        self.leave = nn.Sequential(
            nn.Conv2d(middle, teacher, 3, padding=1, bias=False), nn.BatchNorm2d(teacher)
        )
        self.attend = None if deepest else nn.Sequential(nn.Conv2d(2 * middle, 2, 1), nn.Sigmoid())

    def forward(
        self, stage: Tensor, deeper: Tensor | None, size: torch.Size
    ) -> tuple[Tensor, Tensor]:
        """The image in the teacher and the fusion, both at the teacher's `size`."""
        fused = self.enter(stage)
        if self.attend is not None and deeper is not None:
            deeper = F.interpolate(deeper, fused.shape[2:], mode="nearest")
            ours, theirs = self.attend(torch.cat([fused, deeper], dim=1)).split(1, dim=1)
            fused = ours * fused + theirs * deeper
        if fused.shape[2:] != size:
            fused = F.interpolate(fused, size, mode="nearest")
        return self.leave(fused), fused


def hierarchical(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error at full size and at 4×4, 2×2 and 1×1 pixels, by falling weights."""
    total, weight, weights = F.mse_loss(student, teacher), 1.0, 1.0
    for side in (4, 2, 1):
        if side < student.shape[2]:
            weight /= 2
            weights += weight
            s, t = (F.adaptive_avg_pool2d(x, side) for x in (student, teacher))
            total = total + weight * F.mse_loss(s, t)
    return total / weights
