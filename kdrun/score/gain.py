"""What a transfer was worth: against not transferring, and against what it cost the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from kdrun.score.evaluate import evaluate
from kdrun.transfer import shared_classes
from kdrun.types import Dataset, Loader, Split


def gains(
    student: nn.Module,
    untouched: nn.Module | None,
    data: Dataset,
    load: Callable[[Split], Loader],
    accuracy: float,
) -> dict[str, float | None]:
    """Columns of results.csv for a run between two domains.

    Args:
        student: as it came out.
        untouched: the source's own model, from `Batch` to logits of the target's classes; None
            where the domains share no class.
        data: of the target, with the source's beside them.
        load: makes batches of a split, in order and as they are.
        accuracy: of the student on the target's test split.

    Returns:
        `source_only_accuracy`, of `untouched` on the target's test split; `transfer_gain` over it;
        `majority_accuracy`, of always answering the most frequent class of that split; and
        `source_accuracy_after`, of the student on the source's test split.
    """
    assert data.source is not None
    test = load(data.test)
    counts = test.targets[test.targets >= 0].bincount()
    found: dict[str, float | None] = {
        "majority_accuracy": int(counts.max()) / int(counts.sum()),
        "source_only_accuracy": None,
        "transfer_gain": None,
        "source_accuracy_after": None,
    }
    if untouched is not None:
        before = evaluate(untouched, test, data.task).metrics["accuracy"]
        found |= {"source_only_accuracy": before, "transfer_gain": accuracy - before}
    found["source_accuracy_after"] = source_accuracy(student, data, data.source.test, load)
    return found


def source_accuracy(
    student: nn.Module, data: Dataset, split: Split, load: Callable[[Split], Loader]
) -> float | None:
    """A student's accuracy on a split of the source; None where it was taught none of its classes.

    Args:
        student: from `Batch` to logits of the target's classes.
        data: of the target, with the source's beside them.
        split: of the source.
        load: as in `gains`.
    """
    assert data.source is not None
    names = shared_classes(data.source.classes, data.classes)
    if not bool((names >= 0).any()):
        return None
    relabelled = load(replace(split, targets=names[split.targets]))
    return evaluate(student, relabelled, data.task).metrics["accuracy"]
