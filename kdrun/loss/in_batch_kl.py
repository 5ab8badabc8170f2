"""Similarities in the batch, as distributions."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from kdrun.loss import Loss, positive
from kdrun.loss.relation import Similarity, rows, scores
from kdrun.types import Batch, Outputs


class InBatchKL(Loss):
    """Match to which others of the batch each sample is alike: a distribution over them.

        L = mean_i KL(q_i ‖ p_i),  p_ij = exp(s_ij / T) / Σ_{k≠i} exp(s_ik / T),  q likewise of t
        s_ij = cos(s_i, s_j)

    Lin, Yang, Lin, 2020. https://arxiv.org/abs/2010.11386

    There queries are held against the passages of a batch, in CLIP-KD (Yang et al., 2024) pictures
    against captions; sentence-transformers' DistillKLDivLoss takes passages that were looked for,
    and multiplies by T². Here all samples are of one kind, and none is held against itself.

    Args:
        temperature: T; the lower, the more the nearest count alone.
        similarity: "cosine", or "dot" for a student whose dot products can be as large as the
            teacher's.
    """

    needs = ("embedding",)

    def __init__(self, temperature: float = 0.1, similarity: Similarity = "cosine") -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature
        self.similarity = similarity

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean divergence of the student's neighbourhoods from the teacher's."""
        log_p, log_q = (
            F.log_softmax(scores(x, self.similarity) / self.temperature, dim=1)
            for x in rows(student.embedding, teacher.embedding)
        )
        return F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
