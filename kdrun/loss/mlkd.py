"""Multi-level logit distillation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.logits import kl, pair, standardized
from kdrun.types import Batch, Outputs


class MLKD(Loss):
    """Match predictions per sample, between samples and between classes, at several temperatures.

        L = Σ_T [T² · mean_n KL(q_n ‖ p_n) + ‖P Pᵀ − Q Qᵀ‖² / N + ‖Pᵀ P − Qᵀ Q‖² / C]
        P, Q: (N, C) softened probabilities at T, with rows p_n and q_n

    Jin, Wang, Lin, 2023. https://openaccess.thecvf.com/content/CVPR2023/html/Jin_Multi-Level_Logit_Distillation_CVPR_2023_paper.html

    The authors' code means to keep the half of samples (and for the last part, of classes) of
    which the teacher is less confident, but multiplies means, not terms, by that mask: all parts
    count about half. That made the published results and is mask="scale"; "select" keeps samples
    and classes as meant, "none" is the formula above. The authors add a strongly augmented view of
    each batch; here the batch is what the dataset's augmentation makes.

    Args:
        temperatures: T, each a term of the sum.
        mask: "scale", "select" or "none".
        standardize: bring each sample's logits to mean 0 and deviation 1 in the first part, where
            Sun et al. (2024) do.
    """

    def __init__(
        self,
        temperatures: Sequence[float] = (4.0, 2.0, 3.0, 5.0, 6.0),
        mask: Literal["scale", "select", "none"] = "scale",
        standardize: bool = False,
    ) -> None:
        super().__init__()
        if mask not in ("scale", "select", "none"):
            raise ValueError(f"mask is scale, select or none, not {mask!r}")
        self.temperatures = tuple(temperatures)
        self.mask = mask
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The three parts, summed over temperatures."""
        s, t = pair(student, teacher)
        confidence = t.softmax(1)
        sample, category = self._kept(confidence.amax(1)), self._kept(confidence.sum(0))
        z_s, z_t = (standardized(s), standardized(t)) if self.standardize else (s, t)
        total = s.new_zeros(())
        for temperature in self.temperatures:
            p, q = (s / temperature).softmax(1), (t / temperature).softmax(1)
            divergence = temperature**2 * kl(z_s / temperature, z_t / temperature)
            between_samples = (p @ p.T - q @ q.T).square().sum(1)
            between_classes = (p.T @ p - q.T @ q).square().sum(1)
            total = total + (sample * (divergence + between_samples)).mean()
            total = total + (category * between_classes).mean()
        return total

    def _kept(self, confidence: Tensor) -> Tensor:
        """How much each sample or class counts."""
        if self.mask == "none":
            return torch.ones_like(confidence)
        kept = (confidence <= confidence.quantile(0.5)).to(confidence)
        return kept if self.mask == "select" else kept.mean().expand_as(kept)
