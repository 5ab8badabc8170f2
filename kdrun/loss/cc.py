"""Correlation congruence."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.relation import rows, unit
from kdrun.types import Batch, Outputs


class CC(Loss):
    """Match how the embeddings of a batch correlate.

        code:   L = Σ_{i<N} ⟨δ_i, δ_{i+1}⟩ / (N − 1),  δ_i = |A s_i − B t_i|
        kernel: L = ‖K(s) − K(t)‖² / N²
                K(x)_ij = Σ_{p≤order} e^{−2γ} (2γ)^p / p! · cos(x_i, x_j)^p

    Peng et al., 2019. https://arxiv.org/abs/1904.01802

    The published numbers come from "code", which the authors gave to RepDistiller: products of
    neighbouring errors between two trained projections A and B, not the correlation between
    samples that the paper defines ("kernel", a Gaussian kernel by its Taylor series). A weight
    for one means nothing for the other.

    Args:
        form: "code" or "kernel".
        width: outputs of the projections; "code" only.
        gamma: γ of the Gaussian kernel; "kernel" only.
        order: of its Taylor series; "kernel" only.
    """

    needs = ("embedding",)

    def __init__(
        self,
        form: Literal["code", "kernel"] = "code",
        width: int = 128,
        gamma: float = 0.4,
        order: int = 2,
    ) -> None:
        super().__init__()
        if form not in ("code", "kernel"):
            raise ValueError(f"form is code or kernel, not {form!r}")
        self.form = form
        self.width = width
        self.gamma = gamma
        self.order = order

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projections of "code"."""
        if self.form == "code":
            s, t = rows(student.embedding, teacher.embedding)
            self.student = nn.Linear(s.shape[1], self.width)
            self.teacher = nn.Linear(t.shape[1], self.width)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """A mean over neighbouring samples, or over all pairs; 0 for a batch of one."""
        s, t = rows(student.embedding, teacher.embedding)
        if self.form == "kernel":
            return (self._kernel(s) - self._kernel(t)).square().mean()
        error: Tensor = (self.student(s) - self.teacher(t)).abs()
        return (error[:-1] * error[1:]).sum() / max(len(error) - 1, 1)

    def _kernel(self, x: Tensor) -> Tensor:
        cosine = unit(x) @ unit(x).T
        kernel = torch.zeros_like(cosine)
        for p in range(self.order + 1):
            kernel = kernel + (2 * self.gamma) ** p / math.factorial(p) * cosine**p
        return math.exp(-2 * self.gamma) * kernel
