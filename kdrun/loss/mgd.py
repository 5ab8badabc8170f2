"""Masked generative distillation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import aligned, pairs, same_shape, same_size
from kdrun.types import Batch, Outputs

MASKS = ("channel", "space")


class MGD(Loss):
    """Match the teacher's last stage by what two convolutions generate from the student's, masked.

        L = Σ_i (g(M · align(S))_i − T_i)² / N,  g = conv3×3 · relu · conv3×3,  M random 0 or 1

    Yang et al., 2022. https://arxiv.org/abs/2205.01529

    Whole channels are masked, as published for classification (0.15 of them, weight 7e-5 on
    ImageNet). For detection the paper masks 0.65 of the places of every level of a pyramid, with
    the weight 2e-5 where there is one stage: `levels`, and the sum over them. A 1×1 convolution
    aligns where widths differ. The larger map is averaged down.

    Args:
        ratio: of what is masked.
        mask: "channel" or "space".
        levels: compare all stages, not only the last.
    """

    needs = ("features",)

    def __init__(self, ratio: float = 0.15, mask: str = "channel", levels: bool = False) -> None:
        super().__init__()
        if mask not in MASKS:
            raise ValueError(f"mask is one of {', '.join(MASKS)}, not {mask!r}")
        if not 0 <= ratio < 1:
            raise ValueError(f"ratio lies in [0, 1), not {ratio}")
        self.ratio = ratio
        self.mask = mask
        self.levels = levels
        self.align, self.generate = nn.ModuleList(), nn.ModuleList()

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the alignments and the generators."""
        maps = self._pairs(student, teacher)
        self.align = aligned(maps)
        self.generate = nn.ModuleList(_generator(t.shape[1]) for _, t in maps)

    def _pairs(self, student: Outputs, teacher: Outputs) -> list[tuple[Tensor, Tensor]]:
        every = pairs(student.features, teacher.features)
        return every if self.levels else every[-1:]

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared error of what is generated, summed over values, mean over samples."""
        terms = []
        for place, (s, t) in enumerate(self._pairs(student, teacher)):
            s, t = same_size(s, t)
            s = self.align[place](s)
            chosen = s[:, :, :1, :1] if self.mask == "channel" else s[:, :1]
            kept = torch.rand_like(chosen) >= self.ratio
            s, t = same_shape(self.generate[place](s * kept), t)
            terms.append(F.mse_loss(s, t, reduction="sum").div(len(s)))
        return torch.stack(terms).sum()


def _generator(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
    )
