"""Sorted probabilities: for a teacher whose classes are not the student's."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, full, positive
from kdrun.types import Batch, Outputs


class ULD(Loss):
    """Match how the probability is spread, whatever it is spread over.

        L = mean_n Σ_i |sort(p_T(s))_i − sort(p_T(t))_i|,  p_T(x) = softmax(x / T)

    Boizard et al., 2024. https://arxiv.org/abs/2402.12030

    Sorted from the likeliest down; the shorter of two vocabularies is filled up with zeros. It is
    the distance by optimal transport where moving costs the same between any two words. Nothing
    says which class is which: the labels do.

    Args:
        temperature: T, of both.
    """

    by_row: ClassVar[bool] = True

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The distance, mean over the batch.

        Raises:
            ValueError: the rows of one are not those of the other.
        """
        s, t = full(student.logits), full(teacher.logits).detach()
        if s.ndim != 2 or t.ndim != 2 or len(s) != len(t):
            raise ValueError(
                f"student logits {tuple(s.shape)} and teacher logits {tuple(t.shape)} must be "
                "(N, C) and (N, D), a row for a row"
            )
        p, q = ((x / self.temperature).softmax(1).sort(1, descending=True)[0] for x in (s, t))
        width = max(p.shape[1], q.shape[1])
        p, q = (F.pad(x, (0, width - x.shape[1])) for x in (p, q))
        return (p - q).abs().sum(1).mean()
