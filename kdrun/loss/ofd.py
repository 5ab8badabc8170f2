"""A comprehensive overhaul of feature distillation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.stages import as_map, evenly, pairs, same_shape
from kdrun.types import Batch, Loader, Outputs


class OFD(Loss):
    """Match the teacher before its activation where it is positive, and stay low elsewhere.

        L = Σ_l 2^(l−L) Σ_i (S_i − T'_i)² 1(S_i > T'_i or T_i > 0) / N,
        T' = max(T, m),  m_c = E[T_c | T_c < 0]

    Heo et al., 2019. https://arxiv.org/abs/1904.01866

    S is the student before its activation, through a 1×1 convolution with batch norm. The paper
    reads m off the teacher's batch norm by assuming a Gaussian; here it is the mean of the
    negative values over an epoch of training data: the same for Gaussian values, and defined
    without batch norm. As there, a channel with less than 1 negative value in 1000 takes −3
    standard deviations. The weight is mdistiller's 1/1000, by which the authors' code divides. The
    larger map is averaged down.
    """

    needs = ("preactivations",)
    connectors: nn.ModuleList

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size connectors and margins."""
        stages = pairs(student.preactivations, teacher.preactivations)
        self.connectors = nn.ModuleList(_connector(s.shape[1], t.shape[1]) for s, t in stages)
        for place, (_, t) in enumerate(stages):
            self.register_buffer(f"margin{place}", t.new_zeros(t.shape[1]))

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Take the margins from an epoch of the teacher's preactivations."""
        totals: list[Tensor] = []
        for batch in loader.epoch(0):
            stages = evenly(teacher(batch).preactivations, len(self.connectors))
            sums = [_sums(as_map(full(t))) for t in stages]
            totals = [a + b for a, b in zip(totals, sums, strict=True)] if totals else sums
        for place, total in enumerate(totals):
            buffer = self.get_buffer(f"margin{place}")
            buffer.copy_(_margin(total))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The partial squared distance, summed over stages and values, mean over samples."""
        stages = pairs(student.preactivations, teacher.preactivations)
        total = student.logits.new_zeros(())
        for place, (connector, (s, t)) in enumerate(zip(self.connectors, stages, strict=True)):
            s, t = same_shape(connector(s), t)
            target = torch.maximum(t, self.get_buffer(f"margin{place}").view(-1, 1, 1))
            counts = (s > target) | (t > 0)
            gaps = torch.where(counts, s - target, 0).square().sum() / len(s)
            total = total / 2 + gaps  # so that the deepest counts fully
        return total


def _connector(student: int, teacher: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(student, teacher, 1, bias=False), nn.BatchNorm2d(teacher))


def _sums(x: Tensor) -> Tensor:
    """(5, C): number of values, negative ones, their sum, sum of all, sum of squares."""
    values = x.transpose(0, 1).flatten(1)
    below = values.clamp(max=0)
    columns = [torch.ones_like(values), (values < 0).to(x), below, values, values.square()]
    # float64 for sums over a whole split; on the CPU because not every device has it
    return torch.stack([column.sum(1) for column in columns]).cpu().double()


def _margin(sums: Tensor) -> Tensor:
    """(C,): E[x | x < 0], or −3 standard deviations where hardly a value is negative."""
    count, negative, below, total, squares = sums
    std = (squares / count - (total / count).square()).clamp(min=0).sqrt()
    return torch.where(negative > 0.001 * count, below / negative.clamp(min=1), -3 * std)
