"""Cross-entropy in which what is answered well already counts little."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss.ce import CE
from kdrun.loss.class_weights import ClassWeights
from kdrun.types import Batch, Outputs


class Focal(CE):
    """Match the labels, above all where the answer is wrong still.

        L = mean_n −α_y (1 − p_y)^γ log p_y,  p = softmax(s),  y the label

    Lin et al., 2017. https://arxiv.org/abs/1708.02002

    In place of the cross-entropy of every method, and with γ = 0 the same. The paper has a sigmoid
    for each class; this is a softmax over them. α are the class weights. Unlabelled samples are
    left out.

    Args:
        gamma: γ, how fast a sample loses weight as it is answered well; the paper found 2 best.
        label_smoothing: probability mass spread evenly over all classes; that of training.
        class_weights: none, balanced (inverse to their frequency) or a number for each; those of
            training.
    """

    compares_rows = True

    def __init__(
        self,
        gamma: float = 2.0,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = "none",
    ) -> None:
        super().__init__(label_smoothing, class_weights)
        if not 0 <= gamma < float("inf"):
            raise ValueError(f"gamma={gamma}: must be 0 or more")
        self.gamma = gamma

    def check(self, classes: int) -> None:
        """Object to values."""
        super().check(classes)
        if not classes:
            raise ValueError("focal is for classes, and the data have values: take loss=ce")

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Mean over the labelled samples; zero where none is (class -1)."""
        target, log_p = batch.target, F.log_softmax(student.logits, dim=1)
        classes = log_p.shape[1]
        if target.ndim == 1:
            places = torch.arange(classes, device=target.device)
            target = (target[:, None] == places).to(log_p.dtype)  # a row of zeros where unlabelled
        known = target.sum(1, keepdim=True).clamp(max=1)
        smoothed = target * (1 - self.label_smoothing) + known * self.label_smoothing / classes
        missed = -torch.expm1(log_p)
        # Of a fraction γ the power has no derivative at zero.
        spared = missed.clamp(min=torch.finfo(log_p.dtype).eps).pow(self.gamma)
        each = smoothed * spared * -log_p
        if self.class_weight is not None:
            each = each * self.class_weight.to(each.dtype)
        return each.sum() / known.sum().clamp(min=1)
