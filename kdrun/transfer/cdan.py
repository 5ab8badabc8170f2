"""Conditional domain-adversarial training."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term, embeddings
from kdrun.transfer.adversary import confusion, discriminator, reverse
from kdrun.types import Batch, Outputs

WIDEST = 4096
"""Largest outer product that the discriminator reads as it is."""


class CDAN(Term):
    """As `dann`, of what the student sees together with what it takes it for (CDAN+E).

        D reads f ⊗ softmax(z), or (R₁ f) ⊙ (R₂ softmax(z)) / √4096 if that has more numbers
        sample n counts wₙ ∝ 1 + exp(−H(pₙ)), mean 1 in each domain

    R₁ and R₂ are drawn once from a normal distribution and never trained. As in the authors' code,
    no gradient goes through the softmax, since a prediction is a condition, not something to hide.
    Theirs sends one back through the weights, reversed at the entropy; here these are constants,
    as the paper writes them.

    Long, Cao, Wang, Jordan, 2018. https://arxiv.org/abs/1705.10667

    Args:
        hidden: width of the discriminator's two hidden layers.
    """

    needs = ("embedding",)
    moments = ("ramp",)
    of_embedding: Tensor
    of_classes: Tensor

    def __init__(self, hidden: int = 256) -> None:
        super().__init__()
        self.hidden = hidden

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the discriminator by embedding and classes."""
        embedding, _ = embeddings(student, teacher)
        wide, classes = embedding.shape[1], student.logits.shape[1]
        width = wide * classes
        self.projects = width > WIDEST
        if self.projects:
            width = WIDEST
            self.register_buffer("of_embedding", torch.randn(wide, WIDEST))
            self.register_buffer("of_classes", torch.randn(classes, WIDEST))
        self.judge = discriminator(width, self.hidden)

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The discriminator's weighted cross-entropy."""
        f_s, f_t = (reverse(side, self.moment("ramp")) for side in embeddings(source, target))
        p_s, p_t = (torch.softmax(side.logits.detach(), dim=1) for side in (source, target))
        weights = _certainty(p_s), _certainty(p_t)
        return confusion(self.judge, self._joint(f_s, p_s), self._joint(f_t, p_t), weights)

    def _joint(self, embedding: Tensor, p: Tensor) -> Tensor:
        if self.projects:
            both = (embedding @ self.of_embedding) * (p @ self.of_classes)
            return both / math.sqrt(WIDEST)
        return torch.einsum("nd,nc->ndc", embedding, p).flatten(1)


def _certainty(p: Tensor) -> Tensor:
    """(N,) 1 + exp(−H), over its mean."""
    weight = 1 + torch.exp(torch.special.entr(p).sum(1).neg())
    return weight / weight.mean()
