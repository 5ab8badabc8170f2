"""Neuron selectivity transfer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.stages import need_space, pairs, same_size
from kdrun.types import Batch, Outputs


class NST(Loss):
    """Match the distribution of the channels' activation patterns over space.

        L = Σ_l mean_n [mean_{ij} k(t_i, t_j) + mean_{ij} k(s_i, s_j) − 2 mean_{ij} k(s_i, t_j)],
        k(a, b) = (aᵀb)², channels flattened and of norm 1

    Huang, Wang, 2017. https://arxiv.org/abs/1707.01219

    This squared maximum mean discrepancy is never held as C × C × H·W products: each mean is a
    squared Frobenius norm, of (C, C) or of (H·W, H·W) products, whichever is smaller, so that
    memory stays below that of the features. Maps of different sizes are averaged down to the
    smaller.
    """

    needs = ("features",)

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Check that there is space to compare."""
        need_space(student.features, teacher.features)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared discrepancy, mean over samples, summed over stages."""
        terms = []
        for maps in pairs(student.features, teacher.features):
            s, t = (F.normalize(x.flatten(2), dim=2) for x in same_size(*maps))
            terms.append(_kernel(t, t) + _kernel(s, s) - 2 * _kernel(s, t))
        return torch.stack(terms).sum()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    """mean_{n,i,j} (a_iᵀ b_j)² for a (N, I, P) and b (N, J, P)."""
    (n, i, pixels), j = a.shape, b.shape[1]
    if i * j <= pixels**2:
        return (a @ b.transpose(1, 2)).square().mean()
    # Σ_ij (a_iᵀb_j)² = ‖abᵀ‖² = ⟨aᵀa, bᵀb⟩, matrices of the size of space
    return ((a.transpose(1, 2) @ a) * (b.transpose(1, 2) @ b)).sum() / (n * i * j)
