"""Knowledge distillation by softened class distributions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.types import Batch, Outputs


class KD(Loss):
    """Match the softened class distributions of teacher and student.

    Hinton, Vinyals, Dean, 2015. https://arxiv.org/abs/1503.02531

    Args:
        temperature: softens both distributions; its square rescales the gradient (section 2).
    """

    def __init__(self, temperature: float = 4.0) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """T² · KL(teacher ‖ student), mean over the batch."""
        log_p = F.log_softmax(student.logits / self.temperature, dim=1)
        log_q = F.log_softmax(teacher.logits / self.temperature, dim=1)
        kl = F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
        return self.temperature**2 * kl
