"""Transfer, then distil: the teacher gets used to the target first, and then teaches there."""

from __future__ import annotations

from torch import Tensor, nn

from kdrun.method.transfer import Transfer
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.transfer import Strategy
from kdrun.transfer.adaptation import both
from kdrun.types import Batch, Outputs


class TransferDistill(Transfer):
    """Distil a teacher that came from the source domain into a student, on the target's inputs.

        train the teacher on the source's labels
        carry it over to the target by a strategy of its own, `method.adapt`
        for each batch of the target:
            step the student down its losses with the teacher and the labels

    With `transfer=NAME` the student has a strategy too: it begins with the source's weights of its
    own architecture, say, or adds terms between domains, and then the source's labels by those of
    these losses that read labels alone. Ruder, Ghaffari, Breslin, 2017,
    https://arxiv.org/abs/1702.02052, adapt and distil so.

    Args:
        student: from `Batch` to `Outputs`.
        teacher: from `Batch` to `Outputs`, frozen.
        objective: terms between the two and the labels of the target, where these are known.
        strategy: of the student; None where it begins with its own initialisation.
    """

    def __init__(
        self,
        student: Student,
        teacher: nn.Module,
        objective: Objective,
        strategy: Strategy | None = None,
    ) -> None:
        super().__init__(student, objective, strategy or Strategy())
        self.teacher = teacher

    def terms(self) -> list[str]:
        """The source's labels, those of the target, then those of the adaptation."""
        return ["source", *super().terms()]

    def over(self, term: str, batch: Batch) -> tuple[Tensor, bool]:
        """The source's labels, or samples of the target."""
        if term == "source" and batch.source is not None:
            return batch.source.target, True
        return batch.target, self.objective.labelled(term)

    def answers(self, batch: Batch) -> Outputs:
        """What the teacher says of a batch of the target."""
        outputs: Outputs = self.teacher(batch)
        return outputs

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses on the target, and those between domains."""
        teacher = self.answers(batch)
        losses: dict[str, Tensor] = {}
        if batch.source is not None:
            source, student = both(self.student, batch, self.strategy.batch_norm)
            losses["source"] = self.objective.by_labels(source, batch.source)
        else:
            source = student = self.student(batch)
        losses |= self.objective(student, teacher, batch)
        if self.adaptation is not None:
            losses |= self.adaptation(source, student, batch)
        return losses
