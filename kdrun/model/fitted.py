"""Networks that are fitted at once, not trained by steps."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from kdrun.model.features import Student


@runtime_checkable
class Fitted(Protocol):
    """A network that is fitted at once, not trained by steps."""

    def fit(self, inputs: Tensor, targets: Tensor, weights: Tensor) -> None:
        """Learn all that it will.

        Args:
            inputs: (N, …) samples.
            targets: (N, C) class probabilities.
            weights: (N,) how much each sample counts.
        """
        ...


def fitted(student: Student) -> Fitted | None:
    """What of a student is fitted at once; None where it is trained by steps."""
    net = student.inner.net
    return net if isinstance(net, Fitted) else None
