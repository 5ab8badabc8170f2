"""Transfer: what the source knows, brought to the target."""

from __future__ import annotations

from torch import Tensor

from kdrun.method import Method
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.transfer import Strategy
from kdrun.transfer.adaptation import both, terms_of
from kdrun.types import Batch


class Transfer(Method):
    """Begin with what a strategy made of the student; then train it as the strategy says.

        on the target's labels:
            step the student down CE(f(x_t), y_t)
        or, unsupervised, on pairs of batches:
            step the student down CE(f(x_s), y_s) + Σᵢ wᵢ Rᵢ(f(x_s), f(x_t))

    Args:
        student: from `Batch` to `Outputs`, as the strategy made it.
        objective: terms between outputs and labels.
        strategy: whose `adaptation` gives the Rᵢ; no target label is read where there are any
            between domains.
    """

    def __init__(self, student: Student, objective: Objective, strategy: Strategy) -> None:
        super().__init__()
        self.student = student
        self.objective = objective
        self.strategy = strategy
        self.adaptation = strategy.adaptation

    def terms(self) -> list[str]:
        """Those with the labels, then those of the adaptation."""
        adapting = self.adaptation.possible if self.adaptation is not None else []
        return list(dict.fromkeys([*self.objective.possible, *adapting]))

    def over(self, term: str, batch: Batch) -> tuple[Tensor, bool]:
        """Of labels, those of the source if it is there; between domains, the target's samples."""
        if term in self.objective.terms:
            return (batch.source or batch).target, self.objective.labelled(term)
        return batch.target, False

    def objectives(self) -> list[Objective]:
        """The one with labels or a teacher, and the adaptation."""
        return [self.objective, *([self.adaptation] if self.adaptation is not None else [])]

    def at(self, epoch: float, epochs: int) -> None:
        """Say how far the training is."""
        super().at(epoch, epochs)
        if self.adaptation is not None:
            self.adaptation.at(epoch, epochs)

    def begin_epoch(self, epoch: int) -> None:
        """Tell the strategy and its terms."""
        super().begin_epoch(epoch)
        self.strategy.begin_epoch(self.student, epoch)
        for term in terms_of(self.adaptation):
            term.begin_epoch()

    def after_step(self) -> None:
        """Tell the terms."""
        for term in terms_of(self.adaptation):
            term.after_step()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses with the labels of one domain, and those of the adaptation."""
        losses: dict[str, Tensor] = {}
        if batch.source is not None:
            source, target = both(self.student, batch, self.strategy.batch_norm)
            losses |= self.objective(source, source, batch.source)
        else:
            source = target = self.student(batch)
            if self.strategy.supervised:
                losses |= self.objective(target, target, batch)
        if self.adaptation is not None:
            losses |= self.adaptation(source, target, batch)
        return losses
