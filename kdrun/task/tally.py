"""What a task makes of a batch and of a split: rows, counts, scores and doubts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from kdrun.batch import Batch, Outputs


class Rows(NamedTuple):
    """What the losses between logits compare: M rows, which a batch of N samples comes to.

    Attributes:
        student: (M, C) logits.
        teacher: (M, C) likewise.
        labels: (M,) classes, -1 where none is known; (M, C) probabilities after mixup; values.
        weight: (M,) how much each row of the teacher counts, 0 for none; None where all alike.
        of: (M,) the position in the batch of the sample that each row is part of; None where row n
            is all of sample n, and so nothing was put otherwise.
    """

    student: Tensor
    teacher: Tensor
    labels: Tensor
    weight: Tensor | None = None
    of: Tensor | None = None


class Scores(NamedTuple):
    """What one pass over a split says of a model.

    Attributes:
        metrics: by name, those of `Task.metrics` and `Task.beside` that are defined there.
        confusion: (C, C) counts, rows are true classes and columns predictions; C = 0 where a
            task has no such table.
    """

    metrics: dict[str, float]
    confusion: Tensor


class Tally:
    """Counts over the batches of a split. They stay on the device until `scores`.

    Attributes:
        keeps: whether what `some` needs is kept of each sample; set before anything is counted.
    """

    keeps = False

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Count one batch.

        Args:
            student: what it says, in the task's form.
            teacher: likewise, if there is one to be agreed with.
            batch: with its targets; those that are not known do not count.
        """
        raise NotImplementedError

    def scores(self) -> Scores:
        """The metrics of all that was counted."""
        raise NotImplementedError

    def some(self, index: Tensor) -> Tally | None:
        """The count of some of the samples, where each was kept; None for a task that keeps none.

        Args:
            index: (M,) their places in the order in which they were counted, on the CPU; one may
                come several times, as in a bootstrap.
        """
        return None

    def predicted(self) -> dict[str, int]:
        """How often each class was predicted, by its name; empty where there are none."""
        return {}

    def write(self, folder: Path) -> None:
        """Write what is to be looked at of the test split: pictures and tables of the task's."""

    def write_validation(self, folder: Path) -> None:
        """Likewise of the validation split, in tables alone."""


class Doubt(NamedTuple):
    """What a pass over labelled samples says against a teacher.

    Attributes:
        columns: of results.csv.
        told: a sentence where it is no better than always saying the same; else empty.
        suspects: what to look at if its weights are from elsewhere.
        remedy: what to do if they are not.
    """

    columns: dict[str, float]
    told: str = ""
    suspects: str = ""
    remedy: str = ""


def majority(
    counts: Tensor, accuracy: float, classes: Sequence[str], what: str, suspects: str = ""
) -> Doubt | None:
    """What an accuracy says against a teacher: it must beat always saying the commonest class.

    Args:
        counts: (C,) how often each class is right.
        accuracy: of the teacher there.
        classes: what they are called.
        what: was counted, in some words: `120 validation samples`.
        suspects: see `Doubt`.

    Returns:
        None where fewer than two classes occur, and nothing can be said.
    """
    if int((counts > 0).sum()) < 2:
        return None
    most = int(counts.max()) / int(counts.sum())
    columns = {"teacher_val_accuracy": accuracy, "val_majority_accuracy": most}
    if accuracy > most:
        return Doubt(columns)
    told = (
        f"is right in {accuracy:.1%} of {what}, and always saying "
        f"'{classes[int(counts.argmax())]}' in {most:.1%}: it teaches nothing"
    )
    return Doubt(columns, told, suspects, "train it longer, or take another")
