"""Tiny networks and a tiny training, on which the tests of feature losses try them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.types import Batch, Outputs


def maps(*shapes: tuple[int, ...], seed: int = 0) -> tuple[Tensor, ...]:
    """Random float64 stages of these shapes."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)


def said(stages: Sequence[Tensor], classes: int = 3) -> Outputs:
    """Outputs whose stages, before and after activation, are `stages`."""
    logits = stages[-1].new_zeros(len(stages[-1]), classes)
    return Outputs(logits, stages[-1].flatten(2).mean(2), tuple(stages), tuple(stages))


def batch_of(outputs: Outputs) -> Batch:
    n, classes = outputs.logits.shape
    return Batch(torch.zeros(n, 1), torch.arange(n) % classes, torch.arange(n))


def built(loss: Loss, student: Outputs, teacher: Outputs) -> Loss:
    """The loss with adapters for these outputs, in float64."""
    loss.build(student, teacher, batch_of(student).target)
    return loss.double()


def value(loss: Loss, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """The loss between these stages."""
    s, t = said(student), said(teacher)
    result: Tensor = loss(s, t, batch_of(s))
    return result


def gradients_agree(loss: Loss, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> bool:
    """Whether autograd and finite differences agree for the student's stages and every adapter."""
    leaves = [s.clone().requires_grad_() for s in student]
    trained = [p for p in loss.parameters() if p.requires_grad]

    def term(*given: Tensor) -> Tensor:
        return value(loss, given[: len(leaves)], teacher)

    return torch.autograd.gradcheck(term, (*leaves, *trained))


class CNN(nn.Module):
    """Stages of convolution, batch norm and ReLU, each half the size of the one before."""

    def __init__(self, *widths: int, classes: int = 4) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, width, 3, stride=2 if i else 1, padding=1), nn.BatchNorm2d(width)
            )
            for i, (before, width) in enumerate(zip((3, *widths), widths, strict=False))
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, batch: Batch) -> Outputs:
        x = batch.input
        assert isinstance(x, Tensor)
        before: list[Tensor] = []
        after: list[Tensor] = []
        for stage in self.stages:
            before.append(stage(x))
            x = before[-1].relu()
            after.append(x)
        embedding = x.mean((2, 3))
        return Outputs(self.head(embedding), embedding, tuple(after), tuple(before))


class ViT(nn.Module):
    """A class token and 2×2 patches through layers of one width; no attention, for speed."""

    def __init__(self, width: int, depth: int, classes: int = 4) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.head = nn.Linear(width, classes)

    def forward(self, batch: Batch) -> Outputs:
        x = self.patch(batch.input).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)
        stages = []
        for layer in self.layers:
            x = x + layer(nn.functional.gelu(x))
            stages.append(x)
        return Outputs(self.head(x[:, 0]), x[:, 0], tuple(stages), tuple(stages))


@dataclass
class Fixed:
    """A loader of always the same batches of random images."""

    batches: list[Batch]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        return iter(self.batches)


def data(batches: int = 2, size: int = 8, classes: int = 4) -> Fixed:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(batches, size, 3, 8, 8, generator=generator)
    targets = torch.arange(size) % classes
    places = torch.arange(batches * size).view(batches, size)
    return Fixed(
        [Batch(x, targets, i) for x, i in zip(images, places, strict=True)],
        targets.repeat(batches),
    )


def learns(loss: Loss, student: nn.Module, teacher: nn.Module, steps: int = 30) -> float:
    """Train the student by the loss alone; how much of the loss is left, as a fraction.

    Gradients reach every stage that is compared and every adapter, and none the teacher.
    """
    loader = data()
    teacher.requires_grad_(False).eval()
    first = loader.batches[0]
    loss.build(student(first), teacher(first), loader.targets)
    loss.prepare(teacher, loader)
    trained = [p for p in (*student.parameters(), *loss.parameters()) if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.01)
    history = []
    for step in range(steps):
        term = torch.stack([loss(student(b), teacher(b), b) for b in loader.epoch(step)]).mean()
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        history.append(term.item())
    assert all(p.grad is not None for p in loss.parameters() if p.requires_grad)
    assert all(p.grad is None for p in teacher.parameters())
    return history[-1] / history[0]
