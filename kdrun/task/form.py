"""Which task plain targets are of, by their form alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdrun.task.classification import Classification, by_value
from kdrun.task.regression import Regression

if TYPE_CHECKING:
    from torch import Tensor

    from kdrun.task import Task


def by_form(targets: Tensor, classes: Sequence[str] = ()) -> Task:
    """The task of plain targets: whole numbers are classes, (N,) others are values.

    Args:
        targets: (N,) or, as class probabilities, (N, C).
        classes: what they are called, if they have names.
    """
    if by_value(targets):
        return Regression()
    return Classification(tuple(classes))
