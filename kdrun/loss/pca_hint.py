"""Hints through the teacher's principal components."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.principal import leading
from kdrun.loss.stages import as_map, evenly, pair, pairs, same_size
from kdrun.types import Batch, Loader, Outputs


class PCAHint(Loss):
    """Match a stage of the teacher, projected to the student's width by its principal components.

        L = mean (S − √(K / Σ_k λ_k) Vᵀ(T − μ))²,
        λ_k, V the K leading eigenpairs of the covariance of T, K the student's width

    Jolliffe, Cadima, 2016. https://doi.org/10.1098/rsta.2015.0202

    A hint as in FitNets, whose trained regressor is replaced by the linear projection that loses
    least of the teacher: μ, V and λ are taken once over an epoch of training data, and nothing is
    trained beside the student. What it is to say has a variance of 1 on average, whatever the scale
    of the teacher, so that the loss is 1 for a student that says nothing, and 0 at best. The
    student is read before its activation, since components have either sign; one that is wider
    than the teacher answers in its first channels. The larger map is averaged down, in the
    statistics too.

    Args:
        stage: place of the pair of stages, 0 the shallowest, -1 the deepest.
    """

    needs = ("features", "preactivations")
    mean: Tensor
    projection: Tensor

    def __init__(self, stage: int = 1) -> None:
        super().__init__()
        self.stage = stage

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projection."""
        stages = pairs(student.preactivations, teacher.features)
        s, t = same_size(*pair(student.preactivations, teacher.features, self.stage))
        self.count, self.size = len(stages), (t.shape[2], t.shape[3])
        width = min(s.shape[1], t.shape[1])
        self.register_buffer("mean", t.new_zeros(t.shape[1]))
        self.register_buffer("projection", torch.eye(t.shape[1], width).to(t))

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Take the teacher's mean and leading components."""

        def rows() -> Iterator[Tensor]:
            for batch in loader.epoch(0):
                t = as_map(full(evenly(teacher(batch).features, self.count)[self.stage]))
                yield F.adaptive_avg_pool2d(t, self.size).transpose(0, 1).flatten(1).T

        mean, projection = leading(rows(), self.projection.shape[1])
        self.mean.copy_(mean)
        self.projection.copy_(projection)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean squared difference from the projected teacher."""
        s, t = same_size(*pair(student.preactivations, teacher.features, self.stage))
        dims, width = self.projection.shape
        if t.shape[1] != dims or s.shape[1] < width:
            raise ValueError(
                f"student features {tuple(s.shape)} and teacher features {tuple(t.shape)} do not "
                f"fit {width} components of {dims} channels"
            )
        wanted = torch.einsum("nchw,ck->nkhw", t - self.mean.view(-1, 1, 1), self.projection)
        return F.mse_loss(s[:, :width], wanted)
