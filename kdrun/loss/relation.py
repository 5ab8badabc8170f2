"""What the losses between samples share: a row for each sample, and directions that stay finite."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from kdrun.loss import full

Similarity = Literal["cosine", "dot"]
"""How alike two embeddings are: `cosine` reads their directions alone."""


def rows(student: Tensor | None, teacher: Tensor | None) -> tuple[Tensor, Tensor]:
    """Flatten what two networks say of a batch to (N, Dₛ) and (N, Dₜ), in full precision.

    The teacher's come back cut off from their graph. The widths may differ.

    Raises:
        ValueError: one of them is missing, or they are not of one batch.
    """
    if student is None or teacher is None:
        missing = "student" if student is None else "teacher"
        raise ValueError(f"the {missing} gives nothing here that samples could be related by")
    if student.ndim < 2 or teacher.ndim < 2 or len(student) != len(teacher):
        raise ValueError(
            f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} do not hold a row "
            "for each sample of one batch"
        )
    return full(student).flatten(1), full(teacher).flatten(1).detach()


def unit(x: Tensor, tiny: float = 1e-12) -> Tensor:
    """Divide by the norm over the last dimension.

    A vector shorter than `tiny` has no direction: it becomes zero and passes no gradient, where
    the true one would be 1 / `tiny` and more.
    """
    square = x.square().sum(-1, keepdim=True)
    none = square <= tiny**2
    return torch.where(none, 0.0, x * square.masked_fill(none, 1.0).rsqrt())


def scores(x: Tensor, similarity: Similarity) -> Tensor:
    """(N, N − 1) how alike each row is to every other, itself left out.

    Args:
        x: (N, D).
        similarity: `cosine`, where a row of length 0 is like none, or `dot`.
    """
    count = len(x)
    x = unit(x) if similarity == "cosine" else x
    # Row by row, the diagonal is every (N + 1)th number.
    return (x @ x.T).flatten()[1:].view(count - 1, count + 1)[:, :-1].reshape(count, count - 1)
