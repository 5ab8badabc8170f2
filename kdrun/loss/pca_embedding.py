"""The teacher's embedding through its principal components."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.principal import leading
from kdrun.loss.relation import rows
from kdrun.types import Batch, Loader, Outputs


class PCAEmbedding(Loss):
    """Match the teacher's embedding, projected to the student's width by its principal components.

        L = mean (A e + b − √(K / Σ_k λ_k) Vᵀ(t − μ))²,
        λ_k, V the K leading eigenpairs of the covariance of t, K the smaller width

    Jolliffe, Cadima, 2016. https://doi.org/10.1098/rsta.2015.0202

    It reads no labels and no classes, so the teacher may be a backbone without a head, and the
    student becomes one: `dataset.labels=none`. μ, V and λ are taken once over an epoch of training
    data; what is to be said has a variance of 1 on average, so the loss is 1 for a student that
    says nothing, and 0 at best. A, b are trained beside the student and left behind: its own
    embedding, often behind a ReLU, need not have either sign.

    Args:
        linear: whether there are A and b; without them the embedding itself is matched, in its
            first K numbers.
    """

    needs = ("embedding",)
    mean: Tensor
    projection: Tensor
    map: nn.Module

    def __init__(self, linear: bool = True) -> None:
        super().__init__()
        self.linear = linear

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projection and the map."""
        s, t = rows(student.embedding, teacher.embedding)
        width = min(s.shape[1], t.shape[1])
        self.register_buffer("mean", t.new_zeros(t.shape[1]))
        self.register_buffer("projection", torch.eye(t.shape[1], width).to(t))
        self.map = nn.Linear(s.shape[1], width).to(s) if self.linear else nn.Identity()

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Take the teacher's mean and leading components."""

        def said() -> Iterator[Tensor]:
            for batch in loader.epoch(0):
                yield full(teacher(batch).embedding).flatten(1)

        mean, projection = leading(said(), self.projection.shape[1])
        self.mean.copy_(mean)
        self.projection.copy_(projection)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean squared difference from the projected teacher."""
        s, t = rows(student.embedding, teacher.embedding)
        dims, width = self.projection.shape
        if t.shape[1] != dims or s.shape[1] < width:
            raise ValueError(
                f"student embeddings {tuple(s.shape)} and teacher embeddings {tuple(t.shape)} do "
                f"not fit {width} components of {dims} numbers"
            )
        return F.mse_loss(self.map(s)[:, :width], (t - self.mean) @ self.projection)
