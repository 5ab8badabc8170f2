"""Random maps and labels of pixels, for the tests of dense losses."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.loss import Loss
from kdrun.types import Batch, Outputs


def maps(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def labels(n: int, height: int, width: int, classes: int = 3, seed: int = 5) -> Tensor:
    """Some pixels are void."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-1, classes, (n, height, width), generator=generator)


def outputs(features: Tensor, logits: Tensor | None = None) -> Outputs:
    return Outputs(features.mean((2, 3)) if logits is None else logits, features=(features,))


def batch(target: Tensor) -> Batch:
    return Batch(torch.zeros(len(target), 1), target, torch.arange(len(target)))


def made(loss: Loss, student: Tensor, teacher: Tensor, target: Tensor) -> Loss:
    loss.build(outputs(student), outputs(teacher), target)
    return loss.double()


def value(loss: Loss, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
    result: Tensor = loss(outputs(student), outputs(teacher), batch(target))
    return result


def gradients_agree(loss: Loss, student: Tensor, teacher: Tensor, target: Tensor) -> bool:
    return torch.autograd.gradcheck(
        lambda s: value(loss, s, teacher, target), (student.clone().requires_grad_(),)
    )
