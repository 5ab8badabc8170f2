"""What a reader of a run's numbers must know, a sentence each: record["notes"].

A loss that was never there cannot win a comparison, and a teacher worse than its student teaches
nothing: neither shows in an accuracy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.run.share import shares
from kdrun.score.latency import crowded
from kdrun.train import Row
from kdrun.types import Dataset

SMALL = 0.01
"""Below this share of the loss, a term decides little."""


def warmups(weights: Mapping[str, Weight], epochs: int, group: str = "loss") -> Iterator[str]:
    """Weights that do not reach what they are set to, or do not count at all, in a training.

    Args:
        weights: of the terms, by name.
        epochs: of the training.
        group: the section of the config that they stand in.
    """
    for name, weight in weights.items():
        ends = weight.start + weight.warmup
        if not weight.value and not weight.initial:
            continue
        if weight.start >= epochs > 0:
            yield (
                f"{name} never counts: it starts after {weight.start:g} epochs, and training takes "
                f"{epochs}; set {group}.weights.{name}.start lower, or train longer"
            )
        elif weight.warmup and ends > epochs > 0:
            reached = f"{weight(epochs):.3g} of {weight.value:.3g}"
            yield (
                f"{name} never has its full weight: it warms up over {weight.warmup:g} epochs, and "
                f"training takes {epochs}; it ends at {reached}. Set {group}.weights.{name}.warmup "
                f"lower, or train longer"
            )


def shortcomings(objectives: Mapping[str, Objective | None], epochs: int) -> list[str]:
    """What is known before a training to be less than was asked for.

    Args:
        objectives: by the section of the config that their weights stand in.
        epochs: of the training.
    """
    return [
        note
        for group, objective in objectives.items()
        if objective is not None
        for note in warmups(objective.weights, epochs, group)
    ]


def small_terms(history: Sequence[Row], expected: Collection[str] = ()) -> Iterator[str]:
    """Terms that were next to nothing of the loss in the last epoch.

    Args:
        history: rows of metrics.csv.
        expected: terms that have nothing to do, and need no note.
    """
    for name, share in shares(history[-1]).items() if history else ():
        if share < SMALL and name not in expected:
            yield f"{name} was {share:.1g} of the loss in the last epoch: it had next to no say"


def answers(
    metrics: Mapping[str, Any], predicted: Mapping[str, int], data: Dataset
) -> Iterator[str]:
    """What is suspicious in how a student and its teacher answered on the test split.

    Args:
        metrics: of the student, by column.
        predicted: how many test samples were given to each class.
        data: that both were tested on.
    """
    labels = data.test.targets
    said = [name for name, count in predicted.items() if count]
    if len(said) == 1 and len(labels[data.task.known(labels)].unique()) > 1:
        yield f"the student gives every test sample to one class, '{said[0]}'"
    measure = data.task.metric(data.task.headline)
    sign = -1 if measure.less_is_better else 1
    student, teacher = metrics.get(f"test_{measure.name}"), metrics.get(f"teacher_{measure.name}")
    if student is not None and teacher is not None and sign * teacher < sign * student:
        yield (
            f"the teacher is worse than its student: {measure.name} {teacher:.4g}, and the "
            f"student's {student:.4g}"
        )


def measured(metrics: Mapping[str, Any]) -> Iterator[str]:
    """What made a time longer than it need be.

    Args:
        metrics: of the student, by column.
    """
    if crowded(metrics.get("latency_load") or 0.0):
        yield (
            "latency_ms may be too long: other processes had the cores that it needed, and no "
            "quiet moment was found"
        )
