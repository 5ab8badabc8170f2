"""Similarity-preserving distillation."""

from __future__ import annotations

from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.relation import rows, unit
from kdrun.types import Batch, Outputs


class SP(Loss):
    """Match which samples of a batch activate the deepest stage alike.

        L = ‖G(S) − G(T)‖² / N²,  G(F)_i = g_i / ‖g_i‖,  g = F·Fᵀ,  F: (N, C·H·W)

    Tung, Mori, 2019. https://arxiv.org/abs/1907.09682
    """

    needs = ("features",)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared Frobenius distance of both similarity matrices over N²."""
        s, t = rows(
            student.features[-1] if student.features else None,
            teacher.features[-1] if teacher.features else None,
        )
        return (unit(s @ s.T) - unit(t @ t.T)).square().mean()
