"""Pearson correlation of features: what matters is where they are large, not how large."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import aligned, pairs, same_size
from kdrun.types import Batch, Outputs

EPSILON = 1e-12
"""Beside the variance of a channel, of which a constant one has none."""


class PKD(Loss):
    """Match each level up to the mean and the size of its channels.

        L = Σ_l ½ · mean((ŝ_l − t̂_l)²),  x̂: each channel with mean 0 and deviation 1 over the batch

    Cao et al., 2022. https://arxiv.org/abs/2207.02039

    That is one minus the correlation of Pearson, mean over channels. All stages that both have are
    compared, shallow to deep: of a detector the levels of its pyramid, and published are the first
    four. Teacher and student may be of different kinds, an FCOS and a RetinaNet, for sizes cancel
    out. A 1×1 convolution aligns where widths differ. The larger map is averaged down.

    Args:
        levels: so many of them, from the finest; 0 for all.
    """

    needs = ("features",)

    def __init__(self, levels: int = 4) -> None:
        super().__init__()
        if levels < 0:
            raise ValueError(f"levels={levels}: give 1 or more, or 0 for all")
        self.levels = levels
        self.align = nn.ModuleList()

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the alignments."""
        self.align = aligned(self._pairs(student, teacher))

    def _pairs(self, student: Outputs, teacher: Outputs) -> list[tuple[Tensor, Tensor]]:
        return pairs(student.features, teacher.features)[: self.levels or None]

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """One minus the correlation, mean over channels and summed over levels."""
        terms = []
        for align, (s, t) in zip(self.align, self._pairs(student, teacher), strict=True):
            s, t = same_size(align(s), t)
            terms.append((standard(s) - standard(t)).square().mean() / 2)
        return torch.stack(terms).sum()


def standard(maps: Tensor) -> Tensor:
    """(N, C, H, W) with each channel of mean 0 and deviation 1 over batch and places."""
    spread, mean = torch.var_mean(maps, (0, 2, 3), correction=0, keepdim=True)
    return (maps - mean) / (spread + EPSILON).sqrt()
