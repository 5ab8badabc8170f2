"""Structured distillation: which places of a picture are alike."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.stages import need_space, pair, same_size
from kdrun.types import Batch, Outputs


class Pairwise(Loss):
    """Match the cosines between all pairs of places of the last stage.

        L = 1 / (N P²) · Σ_n Σ_ij (a^s_ij − a^t_ij)²,  a_ij = cos(f_i, f_j)

    Liu et al., 2019. https://arxiv.org/abs/1903.04197

    P places are left after the map is pooled by its maximum over windows of `pool`, as in the
    authors' code, which takes half of the height and of the width. The larger map is averaged
    down first. Widths may differ: only angles between a network's own features are compared.

    Args:
        pool: height and width of a window; 1 for none.
    """

    needs = ("features",)

    def __init__(self, pool: int = 2) -> None:
        super().__init__()
        positive(pool=pool)
        self.pool = pool

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Refuse networks whose stages have no places to compare."""
        need_space(student.features, teacher.features)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared difference, mean over pairs and samples."""
        s, t = same_size(*pair(student.features, teacher.features, -1))
        return (self._cosines(s) - self._cosines(t)).square().mean()

    def _cosines(self, x: Tensor) -> Tensor:
        """(N, P, P) of (N, C, H, W)."""
        x = F.normalize(F.max_pool2d(x, self.pool, ceil_mode=True).flatten(2), dim=1)
        return x.transpose(1, 2) @ x
