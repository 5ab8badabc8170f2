"""Batch spectral penalisation."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term, embeddings
from kdrun.types import Batch, Outputs


class BSP(Term):
    """Keep a few directions from dominating the embeddings: they carry over, and tell little.

        R = σ₁(F_s)² + σ₁(F_t)²

    F are the embeddings of a batch, σ₁ their largest singular value. For beside an adversary, of
    which such directions are the spoils: `transfer=[dann,bsp]`.

    Chen, Wang, Long, Wang, 2019. http://proceedings.mlr.press/v97/chen19i.html
    """

    needs = ("embedding",)
    capturable = "the solver for singular values waits for the device"

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The largest squared singular values of both sides."""
        first: list[Tensor] = [torch.linalg.svdvals(f)[0] for f in embeddings(source, target)]
        return first[0].square() + first[1].square()
