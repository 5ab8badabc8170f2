"""Margins between similarities in the batch, by their squared difference."""

from __future__ import annotations

from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.relation import Similarity, rows, scores
from kdrun.types import Batch, Outputs


class MarginMSE(Loss):
    """Match by how much each sample is more alike to one other of the batch than to another.

        L = mean_{i, j≠k} [(s_ij − s_ik) − (t_ij − t_ik)]² = mean_i 2 · var_j (s_ij − t_ij)
        s_ij = cos(s_i, s_j),  t likewise,  i, j, k all different

    Hofstätter, Althammer, Schröder, Sertkan, Hanbury, 2020. https://arxiv.org/abs/2010.02666

    The paper's teacher scores a query with one passage that answers it and one that does not; with
    more in the batch (its authors' TAS-B of 2021) all are compared. The teacher's margin says which
    is the better, so no label is read. Taken over all pairs, it is twice the variance of what the
    scores differ by. A batch of two has no margin: 0.

    Args:
        similarity: "cosine", or "dot" as in the paper and in sentence-transformers, for a student
            whose dot products can be as large as the teacher's.
    """

    needs = ("embedding",)

    def __init__(self, similarity: Similarity = "cosine") -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean squared difference of margins, over all of each sample."""
        s, t = rows(student.embedding, teacher.embedding)
        apart = scores(s, self.similarity) - scores(t, self.similarity)
        others = apart.shape[1]
        if others < 2:
            return apart.sum() * 0.0
        return 2 * (apart - apart.mean(1, keepdim=True)).square().sum(1).mean() / (others - 1)
