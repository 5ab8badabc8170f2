"""Probabilistic knowledge transfer."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.relation import rows, unit
from kdrun.types import Batch, Outputs


class PKT(Loss):
    """Match the distribution over its neighbours in the batch that each embedding implies.

        L = mean_ij q_ij · log((q_ij + ε) / (p_ij + ε)),  ε = 10⁻⁷
        p_ij = k(s_i, s_j) / Σ_j k(s_i, s_j),  q likewise of t,  k(a, b) = (cos(a, b) + 1) / 2

    Passalis, Tefas, 2018. https://arxiv.org/abs/1803.10837

    The paper sums over i ≠ j; the authors' code, and every published result, takes the mean over
    all N² pairs, hence the weight of 30000. That code adds ε to each norm too; here cosines are
    exact, and those of an embedding of length 0 are 0.
    """

    needs = ("embedding",)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The divergence of the student's neighbourhoods from the teacher's, a mean over N²."""
        s, t = rows(student.embedding, teacher.embedding)
        p, q = _neighbours(s) + 1e-7, _neighbours(t)
        return (q * torch.log((q + 1e-7) / p)).mean()


def _neighbours(x: Tensor) -> Tensor:
    """(N, N), each row the distribution of one sample over the batch, itself included."""
    x = unit(x)
    kernel = (x @ x.T + 1) / 2
    return kernel / kernel.sum(1, keepdim=True)
