"""Variational information distillation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import pairs, same_shape, same_size
from kdrun.types import Batch, Outputs


class VID(Loss):
    """Match the teacher's stages as far as the student's predict them, with a learned variance.

        L = Σ_l mean ½ [(μ_l(S_l) − T_l)² / σ_l² + log σ_l²],  σ_lc² = softplus(α_lc) + ε

    Ahn et al., 2019. https://arxiv.org/abs/1904.05835

    μ is three 1×1 convolutions with ReLU between them. α is one number per channel of the teacher
    and is trained with the rest. The loss is a negative log-likelihood: it may become negative,
    and its least value is ½ Σ_l mean log σ_l². Maps of different sizes are averaged down to the
    smaller.

    Args:
        variance: σ² at the start.
        eps: ε, the smallest variance.
    """

    needs = ("features",)
    means: nn.ModuleList
    alphas: nn.ParameterList

    def __init__(self, variance: float = 5.0, eps: float = 1e-5) -> None:
        super().__init__()
        self.variance = variance
        self.eps = eps

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the predictors of mean and variance."""
        widths = [(s.shape[1], t.shape[1]) for s, t in pairs(student.features, teacher.features)]
        self.means = nn.ModuleList(_mean(s, t) for s, t in widths)
        start = math.log(math.expm1(self.variance - self.eps))
        self.alphas = nn.ParameterList(torch.full((t,), start) for _, t in widths)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The negative log-likelihood of the teacher's stages, without its constant."""
        terms = []
        stages = pairs(student.features, teacher.features)
        for mean, alpha, maps in zip(self.means, self.alphas, stages, strict=True):
            s, t = same_size(*maps)
            s, t = same_shape(mean(s), t)
            variance = (F.softplus(alpha) + self.eps).view(1, -1, 1, 1)
            terms.append(0.5 * ((s - t).square() / variance + variance.log()).mean())
        return torch.stack(terms).sum()


def _mean(student: int, teacher: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(student, teacher, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(teacher, teacher, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(teacher, teacher, 1, bias=False),
    )
