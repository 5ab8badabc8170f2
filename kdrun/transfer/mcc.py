"""Minimum class confusion."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term
from kdrun.types import Batch, Outputs


class MCC(Term):
    """Let the student confuse no two classes on the target.

        p = softmax(z_t / T);  wₙ ∝ 1 + exp(−H(pₙ)), mean 1
        C_jk = Σₙ wₙ p_nj p_nk, each row divided by its sum;  R = 1/C Σ_{j≠k} C_jk

    Jin, Wang, Long, Wang, 2020. https://arxiv.org/abs/1912.03699

    Args:
        temperature: T.
    """

    paired = True  # the source's labels keep the classes what they are

    def __init__(self, temperature: float = 2.5) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature={temperature}: must be above 0")
        self.temperature = temperature

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The confusion, averaged over the classes."""
        p = torch.softmax(target.logits / self.temperature, dim=1)
        entropy = -(p * torch.log(p + 1e-5)).sum(1)
        weight = 1 + torch.exp(-entropy.detach())
        weight = weight * len(p) / weight.sum()
        confusion = (weight[:, None] * p).T @ p
        confusion = confusion / confusion.sum(1, keepdim=True)
        # As trace() sums; its gradient would wait for the device.
        within = confusion.diagonal().sum(dtype=torch.float64).to(confusion.dtype)
        return (confusion.sum() - within) / p.shape[1]
