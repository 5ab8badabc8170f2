"""How much the samples of each class count, where classes are of unequal size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.config.nearest import nearest

ClassWeights = Literal["none", "balanced"] | Sequence[float]
"""None, or inversely to the classes' frequency, or a number for each."""

RULES = ("none", "balanced")


def parsed(rule: ClassWeights) -> ClassWeights:
    """A rule as it was given.

    Raises:
        ValueError: it is none.
    """
    if isinstance(rule, str):
        if rule not in RULES:
            hint = nearest(rule, RULES)
            raise ValueError(f"class_weights={rule}: {hint}, or [1,5,...] with one for each class")
        return rule
    wrong = [one for one in rule if not isinstance(one, int | float) or not 0 <= one < math.inf]
    if wrong or not any(rule):
        raise ValueError(
            f"class_weights={list(rule)}: give each class a number, 0 or more, and one of them more"
        )
    return [float(one) for one in rule]


def fitting(rule: ClassWeights, classes: int) -> None:
    """Refuse a rule for another number of classes.

    Args:
        rule: as `parsed` gives it.
        classes: how many there are; 0 in regression.

    Raises:
        ValueError: so it is.
    """
    if rule == "none":
        return
    if not classes:
        raise ValueError("class_weights is for classes, and the data have values: give none")
    if not isinstance(rule, str) and len(rule) != classes:
        raise ValueError(f"class_weights has {len(rule)} numbers for {classes} classes")


def weights(rule: ClassWeights, targets: Tensor, classes: int) -> Tensor:
    """(C,) float32 on the targets' device, from a rule that is not `none`.

    `balanced` is n / (k · n_c), of n labelled samples in k classes that occur: the mean over the
    samples is 1. A class that never occurs has 0.

    Args:
        rule: as `parsed` gives it.
        targets: (N,) training labels, -1 where there is none.
        classes: C.
    """
    if not isinstance(rule, str):
        return torch.tensor(list(rule), device=targets.device)
    counts = torch.bincount(targets[targets >= 0], minlength=classes).double()
    present = counts > 0
    share = counts.sum() / present.sum().clamp(min=1)
    return torch.where(present, share / counts.clamp(min=1), 0.0).float()


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor, smoothing: float) -> Tensor:
    """The weighted sum over the labelled samples by their number; zero where none is.

    Args:
        logits: (N, C), or (N, C, H, W).
        target: (N,) or (N, H, W) classes, -1 where there is none; or (N, C) probabilities.
        weight: (C,).
        smoothing: of labels.
    """
    weight = weight.to(logits.dtype)
    if target.ndim == 2:
        return F.cross_entropy(logits, target, weight, label_smoothing=smoothing)
    total = F.cross_entropy(
        logits, target, weight, ignore_index=-1, reduction="sum", label_smoothing=smoothing
    )
    return total / (target >= 0).sum().clamp(min=1)
