"""Students that are fitted at once, not trained by steps: trees, and solvers of scikit-learn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.soft_ce import SoftCE
from kdrun.model.features import Network, Student
from kdrun.model.fitted import Fitted
from kdrun.objective import Objective
from kdrun.sample import rows_of
from kdrun.task.form import by_form
from kdrun.teacher.network import Frozen
from kdrun.train import Row, Training
from kdrun.types import Batch, Loader, Outputs


class Lesson(NamedTuple):
    """What a student is fitted to.

    Attributes:
        inputs: (N, …) samples, normalised as the network wants them.
        targets: (N, C) class probabilities.
        weights: (N,) how much each sample counts.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor


def fit(
    training: Training,
    pupil: Fitted,
    teacher: nn.Module | None,
    loader: Loader,
    validate: Callable[[Student], Row],
    after_epoch: Callable[[Training], None],
) -> None:
    """Fit the student to the class probabilities that its objective asks for, as one epoch.

    Args:
        training: not yet begun.
        pupil: what of its student is fitted.
        teacher: whom the objective compares with, if anybody.
        loader: the training batches; of augmented ones, the view of the first epoch.
        validate: student → columns of metrics.csv.
        after_epoch: called when the fit and its row are complete.

    Raises:
        ValueError: a term of the objective is no divergence from probabilities.
    """
    student = training.student
    if isinstance(teacher, Frozen):
        teacher.begin_epoch(0)
    begin = time.perf_counter()
    batches = [
        _lesson(training.method.objective, student.inner, teacher, batch)
        for batch in loader.epoch(0)
    ]
    inputs, targets, weights = (torch.cat(parts).cpu() for parts in zip(*batches, strict=True))
    counted = weights > 0
    pupil.fit(inputs[counted], targets[counted], weights[counted])
    seconds = time.perf_counter() - begin
    training.epoch = 1
    row: Row = {"epoch": 1, "learning_rate": None, "loss": _loss(student.inner, loader, targets)}
    row |= validate(student)
    row |= {"seconds": seconds, "samples_per_second": len(loader.targets) / seconds}
    training.history.append(row)
    after_epoch(training)


@torch.no_grad()
def _lesson(
    objective: Objective, network: Network, teacher: nn.Module | None, batch: Batch
) -> Lesson:
    """Labels and the teacher's probabilities, mixed as the terms weigh them."""
    said: Outputs | None = teacher(batch) if teacher is not None else None
    total: Tensor | float = 0.0
    counted: Tensor | float = 0.0
    terms = objective.losses()
    for name, factor in objective.now.items():
        term = terms[name]
        if isinstance(term, CE):
            targets, weights = _labels(batch, _classes(network, batch), term.label_smoothing)
        elif isinstance(term, KD | SoftCE) and said is not None:
            targets = (said.logits / term.temperature).softmax(dim=1)
            weights = torch.ones(len(targets)) if said.weight is None else said.weight
        else:
            raise ValueError(
                f"loss.terms.{name}: a student that is fitted at once learns class probabilities; "
                "choose loss=soft_ce or kd"
            )
        weights = factor * weights.to(targets)
        total = total + weights[:, None] * targets
        counted = counted + weights
    assert isinstance(total, Tensor)
    assert isinstance(counted, Tensor)
    inputs = network.normalise(rows_of(batch.input))
    return Lesson(inputs, total / counted[:, None].clamp(min=1e-12), counted)


def _classes(network: Network, batch: Batch) -> int:
    return int(network(batch).logits.shape[1])


def _labels(batch: Batch, classes: int, smoothing: float) -> tuple[Tensor, Tensor]:
    """(N, C) distributions of the labels, and 0 for each sample that has none."""
    if batch.target.ndim == 2:
        hard, labelled = batch.target, torch.ones(len(batch.target))
    elif not by_form(batch.target).classifies:
        raise ValueError("a student that is fitted at once learns classes, not a regression")
    else:
        labelled = (batch.target >= 0).float()
        hard = F.one_hot(batch.target.clamp(min=0), classes).float()
    return hard * (1 - smoothing) + smoothing / classes, labelled


@torch.no_grad()
def _loss(network: Network, loader: Loader, targets: Tensor) -> float:
    """Mean cross-entropy with the targets, which are in the order of the loader's batches."""
    logits = torch.cat([network(batch).logits.cpu() for batch in loader.epoch(0)])
    return F.cross_entropy(logits, targets).item()
