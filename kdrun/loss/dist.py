"""Relations of predictions, from a stronger teacher."""

from __future__ import annotations

from torch import Tensor
from torch.linalg import vector_norm

from kdrun.loss import Loss, positive
from kdrun.loss.logits import pair
from kdrun.types import Batch, Outputs


class DIST(Loss):
    """Match predictions up to shift and scale: correlated over classes and over samples.

        L = T² · [β mean_n (1 − ρ(p_T(s)_n, p_T(t)_n)) + γ mean_k (1 − ρ(p_T(s)_·k, p_T(t)_·k))]
        ρ: Pearson's correlation,  p_T(x) = softmax(x / T)

    Huang et al., 2022. https://arxiv.org/abs/2205.10536

    The second mean runs over classes, whose probabilities correlate over the batch: a batch of one
    sample has nothing to correlate there, and that part is then a constant; so is the first of
    two classes, which is refused. As in the authors'
    code, 10⁻⁸ is added to the product of the deviations.

    Args:
        beta: weight of the correlation over classes.
        gamma: weight of the correlation over samples.
        temperature: T.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    def __init__(
        self,
        beta: float = 1.0,
        gamma: float = 1.0,
        temperature: float = 4.0,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.beta = beta
        self.gamma = gamma
        self.temperature = temperature
        self.standardize = standardize

    def check(self, classes: int) -> None:
        """Object to two classes: between them, probabilities correlate by ±1 and no gradient."""
        super().check(classes)
        if classes == 2 and self.beta:
            raise ValueError(
                f"beta={self.beta} correlates over classes, and over two every correlation is ±1 "
                "and has no gradient: take beta=0, which correlates over samples, or loss=kd"
            )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """What both correlations lack to one."""
        s, t = pair(student, teacher, self.standardize)
        p, q = (s / self.temperature).softmax(1), (t / self.temperature).softmax(1)
        inter, intra = 1 - _correlation(p, q).mean(), 1 - _correlation(p.T, q.T).mean()
        return self.temperature**2 * (self.beta * inter + self.gamma * intra)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of each row of `a` with the same row of `b`."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    norms: Tensor = vector_norm(a, dim=1) * vector_norm(b, dim=1)
    return (a * b).sum(1) / (norms + 1e-8)
