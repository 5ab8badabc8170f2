"""Activation boundaries."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import pairs, regressor, same_shape
from kdrun.types import Batch, Outputs


class AB(Loss):
    """Match on which side of zero each neuron of the teacher stands, with a margin.

        L = λ Σ_l 2^(l−L) Σ_i [(S_i + m)² 1(S_i > −m, T_i ≤ 0) + (S_i − m)² 1(S_i ≤ m, T_i > 0)] / N

    Heo et al., 2019. https://arxiv.org/abs/1811.03233

    Both before their last activation, the student's through a convolution with batch norm where
    width or size differ. Published as a first stage without labels (30 epochs in RepDistiller):
    its weight ends where that of cross-entropy begins. The authors' code and RepDistiller scale
    by λ = 3/1000, torchdistill does not.

    Args:
        margin: m.
        scale: λ.
    """

    needs = ("preactivations",)
    connectors: nn.ModuleList

    def __init__(self, margin: float = 1.0, scale: float = 0.003) -> None:
        super().__init__()
        self.margin = margin
        self.scale = scale

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size a connector for each pair of stages that differ in shape."""
        self.connectors = nn.ModuleList(
            nn.Identity() if s.shape == t.shape else regressor(s, t)
            for s, t in pairs(student.preactivations, teacher.preactivations)
        )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared hinge over all neurons, summed over stages, mean over samples."""
        total = student.logits.new_zeros(())
        for connector, (s, t) in zip(
            self.connectors, pairs(student.preactivations, teacher.preactivations), strict=True
        ):
            s, t = same_shape(connector(s), t)
            gaps = torch.where(t > 0, self.margin - s, self.margin + s).clamp(min=0)
            total = total / 2 + gaps.square().sum() / len(s)  # so that the deepest counts fully
        return self.scale * total
