"""The teacher's embedding, standardised, by a projection that is learnt."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdrun.loss import Loss, full
from kdrun.loss.relation import rows
from kdrun.types import Batch, Loader, Outputs


class UNIC(Loss):
    """Match the teacher's embedding, standardised, by a projection from the student's.

        L = mean_n ½ (1 − cos(P(s), z)) + ½ mean_d h(P(s)_d − z_d),  z_d = (t_d − μ_d) / σ_d
        h: smooth L1

    Sariyildiz, Weinzaepfel, Lucas, Larlus, Kalantidis, 2024. https://arxiv.org/abs/2408.05088

    It reads no labels and no logits. Of an ensemble, each teacher has a P of its own, and the
    losses are added as the teachers are weighted: standardised, none is louder than another (as in
    AM-RADIO and Theia). The projections are left behind. μ and σ are taken once over an epoch of
    training data, where the authors follow them through training; their ladder of projections from
    inner layers, and teachers that sit out a step, are left out.

    Args:
        hidden: width of P's hidden layer; 0 for a linear P.
    """

    needs = ("embedding",)
    mean: Tensor
    deviation: Tensor
    projection: nn.Module

    def __init__(self, hidden: int = 0) -> None:
        super().__init__()
        if hidden < 0:
            raise ValueError(f"hidden={hidden}: a width, or 0 for a linear projection")
        self.hidden = hidden

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projection."""
        s, t = rows(student.embedding, teacher.embedding)
        narrow, wide = s.shape[1], t.shape[1]
        self.projection = nn.Linear(narrow, wide)
        if self.hidden:
            inner = nn.Linear(narrow, self.hidden)
            self.projection = nn.Sequential(inner, nn.GELU(), nn.Linear(self.hidden, wide))
        self.projection.to(s)
        self.register_buffer("mean", t.new_zeros(wide))
        self.register_buffer("deviation", t.new_ones(wide))

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Take the teacher's mean and deviation; a number that never changes becomes 0."""
        count, total, squares = 0, torch.zeros(()), torch.zeros(())
        origin: Tensor | None = None
        for batch in loader.epoch(0):
            said = full(teacher(batch).embedding).flatten(1)
            origin = said.mean(0) if origin is None else origin
            # float64 on the CPU, near zero: squares of large means would cancel
            centred = (said - origin).cpu().double()
            count += len(centred)
            total, squares = total + centred.sum(0), squares + centred.square().sum(0)
        assert origin is not None
        mean = total / count
        deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean.to(origin) + origin)
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean of the cosine distance and the smooth L1 distance."""
        s, t = rows(student.embedding, teacher.embedding)
        if t.shape[1] != len(self.mean):
            raise ValueError(
                f"teacher embeddings {tuple(t.shape)} beside student embeddings {tuple(s.shape)} "
                f"do not have the {len(self.mean)} numbers that the projection was made for"
            )
        wanted = (t - self.mean) / self.deviation
        said = self.projection(s)
        apart = 1 - F.cosine_similarity(said, wanted, dim=1).mean()
        return 0.5 * apart + 0.5 * F.smooth_l1_loss(said, wanted)
