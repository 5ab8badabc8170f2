"""What a teacher says of itself: the answers of one that is like a network."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn


class Teacher(nn.Module):
    """What a teacher says of itself; these are the answers of one that is like a network.

    A subclass writes `forward`, from `Batch` to `Outputs`, and what is otherwise with it.
    """

    @property
    def live(self) -> bool:
        """Whether it answers whatever it is asked, not only what it has answered before."""
        return True

    @property
    def size(self) -> int | None:
        """How many numbers it learnt; None where that is not known."""
        return sum(parameter.numel() for parameter in self.parameters()) or None

    def keep(self, fields: Iterable[str]) -> None:
        """Choose which fields of `Outputs` are filled beside the logits, where there is a choice.

        Raises:
            ValueError: it cannot give one.
        """

    def on(self, split: str) -> Teacher | None:
        """The teacher for another split than the training data, `val` or `test`.

        Returns:
            None where it has no answers for those samples.
        """
        return self

    def facts(self) -> dict[str, float]:
        """What is to be told of it in the record, by column."""
        return {}
