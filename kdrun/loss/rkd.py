"""Relational knowledge distillation by distances and angles between samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.relation import rows, unit
from kdrun.types import Batch, Outputs


class RKD(Loss):
    """Match the distances and the angles between the embeddings of a batch.

        L = w_d · mean_ij h(d(s)_ij − d(t)_ij) + w_a · mean_ijk h(∠(s)_ijk − ∠(t)_ijk)
        d(x)_ij = ‖x_i − x_j‖ / mean_{i≠j} ‖x_i − x_j‖
        ∠(x)_ijk = cos(x_i − x_j, x_k − x_j)
        h: smooth L1

    Park, Kim, Lu, Cho, 2019. https://arxiv.org/abs/1904.05068

    Both means run over all pairs and triples, the degenerate ones (i = j) included as zeros, as
    in the authors' code. Distances and angles of samples that coincide are zero and pass no
    gradient; neither does a batch of one.

    Args:
        distance: weight w_d; the authors use 1 for metric learning, RepDistiller 25.
        angle: weight w_a; the authors use 2 for metric learning, RepDistiller 50.
    """

    needs = ("embedding",)

    def __init__(self, distance: float = 25.0, angle: float = 50.0) -> None:
        super().__init__()
        self.distance = distance
        self.angle = angle

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The weighted sum of both parts, a mean over pairs and over triples."""
        s, t = rows(student.embedding, teacher.embedding)
        distance = F.smooth_l1_loss(_distances(s), _distances(t))
        angle = F.smooth_l1_loss(_angles(s), _angles(t))
        return self.distance * distance + self.angle * angle


def _distances(x: Tensor) -> Tensor:
    """(N, N) distances, 1 in the mean over different samples."""
    # The expanded square (a² − 2ab + b²) loses close pairs to rounding and has no gradient at
    # zero; the direct form has the gradient zero there.
    d = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    mean = d.sum() / max(len(x) * (len(x) - 1), 1)
    return d / mean.clamp_min(1e-12)


def _angles(x: Tensor) -> Tensor:
    """(N, N, N) cosines; [j, i, k] is the angle at j between i and k."""
    direction = unit(x[None] - x[:, None], tiny=1e-6)
    return direction @ direction.mT
