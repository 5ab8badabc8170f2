"""Contrastive representation distillation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, positive
from kdrun.loss.relation import rows
from kdrun.task.form import by_form
from kdrun.types import Batch, Outputs


class CRD(Loss):
    """Match each sample's embedding to the teacher's of the same sample, against other classes.

        L = L(e_S, M_T) + L(e_T, M_S)
        L(e, M) = −mean_i [log h_i0 + Σ_{k=1..K} log(1 − h_ik)],  h = p / (p + K/N)
        p_ik = exp(e_i·M_{n_ik} / τ) / Z,  n_i0 = i,  n_ik: samples of other classes

    Tian, Krishnan, Isola, 2020. https://arxiv.org/abs/1910.10699

    e_S and e_T are trained linear projections to the unit sphere; M_S and M_T remember the last
    ones of each of the N training samples, mixed with those before. Z = N · mean exp(e·M / τ)
    over the first batch, and fixed from then on, as in the authors' code. That adds 10⁻⁷ to each
    denominator, and so do we. The authors draw the K samples without replacement where the classes
    have enough; ours are drawn with it, as the paper's estimate assumes, in no more memory than
    the result. A sample without a label has no loss, and is nobody's negative: its class may be
    the same.

    Args:
        width: outputs of the projections.
        negatives: K, samples of other classes that each is compared with.
        temperature: τ.
        momentum: of the memory: the part of the old that stays.
    """

    needs = ("embedding",)
    labelled = True
    memory_s: Tensor
    memory_t: Tensor
    scale_s: Tensor
    scale_t: Tensor
    order: Tensor
    first: Tensor
    count: Tensor
    complete: bool

    def __init__(
        self,
        width: int = 128,
        negatives: int = 16384,
        temperature: float = 0.07,
        momentum: float = 0.5,
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.width = width
        self.negatives = negatives
        self.temperature = temperature
        self.momentum = momentum
        self._fresh: list[tuple[Tensor, Tensor, Tensor]] = []

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projections; fill the memories at random; sort the labelled samples by class.

        Raises:
            ValueError: the targets are not classes, or all that are known of one class.
        """
        if not (self.task or by_form(targets)).named:
            raise ValueError("crd draws its negatives from other classes: regression has none")
        s, t = rows(student.embedding, teacher.embedding)
        self.student = nn.Linear(s.shape[1], self.width)
        self.teacher = nn.Linear(t.shape[1], self.width)
        for side in "st":
            memory = (2 * torch.rand(len(targets), self.width) - 1) * math.sqrt(3 / self.width)
            self.register_buffer(f"memory_{side}", memory)
            self.register_buffer(f"scale_{side}", torch.zeros(()))  # Z; 0 until the first batch
        targets = targets.cpu()
        known = (targets >= 0).nonzero().squeeze(1)
        _, label, count = targets[known].unique(return_inverse=True, return_counts=True)
        if len(count) < 2:
            raise ValueError(
                "crd draws its negatives from samples of other classes, and the labels that are "
                "known name fewer than two"
            )
        # Per sample: where its class begins in `order`, and how many samples that has.
        places = torch.zeros(2, len(targets), dtype=torch.long)
        places[:, known] = torch.stack([(count.cumsum(0) - count)[label], count[label]])
        self.register_buffer("order", known[label.argsort(stable=True)], persistent=False)
        self.register_buffer("first", places[0], persistent=False)
        self.register_buffer("count", places[1], persistent=False)
        self.complete = len(known) == len(targets)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The sum of both directions, a mean over the batch; in training, remembers the batch."""
        s, t = rows(student.embedding, teacher.embedding)
        s = F.normalize(self.student(s), dim=1)
        t = F.normalize(self.teacher(t), dim=1)
        places = torch.cat([batch.index[:, None], self._other_classes(batch.index)], dim=1)
        known = self.count[batch.index] > 0
        loss = self._contrast(s, self.memory_t, self.scale_t, places, known)
        loss = loss + self._contrast(t, self.memory_s, self.scale_s, places, known)
        if self.training:
            self._fresh.append((s.detach(), t.detach(), batch.index))
        return loss

    @torch.no_grad()
    def remember(self) -> None:
        """Mix the batch into the memories, which its backward pass had still to read."""
        for s, t, index in self._fresh:
            for memory, new in ((self.memory_s, s), (self.memory_t, t)):
                mixed = torch.lerp(new, memory[index], self.momentum)
                memory.index_copy_(0, index, F.normalize(mixed, dim=1))
        self._fresh.clear()

    def _other_classes(self, index: Tensor) -> Tensor:
        """(N, negatives) places, uniform over the samples whose class differs."""
        first, count = self.first[index, None], self.count[index, None]
        # In `order`, the own class is one block: draw from the rest, and step over the block.
        draw = torch.randint(2**62, (len(index), self.negatives), device=index.device)
        draw = draw % (len(self.order) - count)
        return self.order[draw + count * (draw >= first)]

    def _contrast(
        self, anchor: Tensor, memory: Tensor, scale: Tensor, places: Tensor, known: Tensor
    ) -> Tensor:
        score = torch.exp(_products(anchor, memory, places) / self.temperature)
        z = torch.where(scale > 0, scale, self._mean(score.detach(), known) * len(memory))
        if self.training:
            scale.copy_(z)
        p = score / torch.where(z > 0, z, 1.0)  # 0 where no label of a first batch is known
        noise = self.negatives / len(memory)
        positive = torch.log(p[:, 0] / (p[:, 0] + noise + 1e-7))
        negative = torch.log(noise / (p[:, 1:] + noise + 1e-7))
        return -self._mean(positive + negative.sum(1), known)

    def _mean(self, values: Tensor, known: Tensor) -> Tensor:
        """Over the samples with a label, and all that there is of each."""
        if self.complete:
            return values.mean()
        each = values.flatten(1).mean(1) if values.ndim > 1 else values
        return torch.where(known, each, 0.0).sum() / known.sum().clamp(min=1)


def _products(anchor: Tensor, memory: Tensor, places: Tensor) -> Tensor:
    """⟨anchor_i, memory_place⟩ for each place of sample i, by the way that holds less at once."""
    if len(memory) < places.shape[1] * memory.shape[1]:
        return (anchor @ memory.T).gather(1, places)
    return torch.einsum("nd,nkd->nk", anchor, memory[places])
