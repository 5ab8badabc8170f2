"""What the losses between logits share: cast, check, standardise, compare."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import full
from kdrun.types import Outputs


def pair(
    student: Outputs, teacher: Outputs, standardize: bool = False, classes: int = 2
) -> tuple[Tensor, Tensor]:
    """The logits of both, (N, C) in full precision, the teacher's cut off from its graph.

    Args:
        student: its logits are compared,
        teacher: with these.
        standardize: whether each sample's logits are brought to mean 0 and deviation 1.
        classes: how many there must be.

    Raises:
        ValueError: the shapes differ, or there are too few classes.
    """
    s, t = full(student.logits), full(teacher.logits).detach()
    shapes = f"student logits {tuple(s.shape)} and teacher logits {tuple(t.shape)}"
    if s.shape != t.shape:
        raise ValueError(f"{shapes} differ: both must know the same classes")
    if s.ndim != 2 or s.shape[1] < classes:
        raise ValueError(f"{shapes} must be (N, C) with C at least {classes}")
    return (standardized(s), standardized(t)) if standardize else (s, t)


def standardized(logits: Tensor) -> Tensor:
    """Each sample's logits with mean 0 and standard deviation 1.

    What is left to match is their order and proportion, not their size. Sun et al., 2024.
    https://arxiv.org/abs/2403.01427. Of two classes only the order is left: `Loss.check`.
    """
    return (logits - logits.mean(1, keepdim=True)) / (logits.std(1, keepdim=True) + 1e-7)


def kl(student: Tensor, teacher: Tensor) -> Tensor:
    """(N,): KL(softmax(teacher) ‖ softmax(student)) of each row of logits."""
    log_p, log_q = F.log_softmax(student, dim=1), F.log_softmax(teacher, dim=1)
    return F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(1)


def one_hot(target: Tensor, count: int) -> Tensor:
    """(N, C) bool: which class each sample is of; -1 counts as the first.

    torch's own looks whether all classes are below `count`, and so waits for the device.
    """
    return target.clamp(min=0)[:, None] == torch.arange(count, device=target.device)


def split(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The logit of each sample's class, (N, 1), and the others, (N, C - 1).

    An unlabelled sample is split at its first class; `labelled_mean` leaves it out.
    """
    own = target.clamp(min=0)[:, None]
    others = torch.arange(logits.shape[1] - 1, device=logits.device)
    return logits.gather(1, own), logits.gather(1, others + (others >= own))


def labelled_mean(values: Tensor, target: Tensor) -> Tensor:
    """Mean of a value per sample over those that have a label; zero if none has."""
    labelled = target >= 0
    return torch.where(labelled, values, 0).sum() / labelled.sum().clamp(min=1)
