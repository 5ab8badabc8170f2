"""Domain-adversarial training."""

from __future__ import annotations

from torch import Tensor

from kdrun.transfer.adaptation import Term, embeddings
from kdrun.transfer.adversary import confusion, discriminator, reverse
from kdrun.types import Batch, Outputs


class DANN(Term):
    """Learn embeddings from which no discriminator can tell the domain.

        R = ½ mean −log D(f_s) + ½ mean −log(1 − D(f_t))

    D goes down this loss, and is trained with the student; the student goes up it, by a gradient
    reversed and multiplied by λ(p), which rises from 0 to 1 as `Term.ramp`. D's own gradient is
    not multiplied: it must be good before the student follows it.

    Ganin et al., 2016. https://arxiv.org/abs/1505.07818

    Args:
        hidden: width of D's two hidden layers.
    """

    needs = ("embedding",)
    moments = ("ramp",)

    def __init__(self, hidden: int = 256) -> None:
        super().__init__()
        self.hidden = hidden

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size D by the embedding."""
        embedding, _ = embeddings(student, teacher)
        self.judge = discriminator(embedding.shape[1], self.hidden)

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """D's cross-entropy."""
        f_s, f_t = (reverse(side, self.moment("ramp")) for side in embeddings(source, target))
        return confusion(self.judge, f_s, f_t)
