"""Source hypothesis transfer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.model.features import Student
from kdrun.transfer.adaptation import Term, embeddings
from kdrun.types import Batch, Loader, Outputs


class SHOT(Term):
    """Fit the embeddings of the target to the source's classifier, without the source's data.

        R = mean H(p) − H(mean p) + β · CE(z, ŷ)

    Information maximisation: each answer certain, all together diverse. The pseudo-labels ŷ are
    renewed before every epoch: of all target samples, the nearest class centroid by cosine, where
    the centroids are means of the embeddings, weighted by p first and by these labels then.

    Liang, Hu, Feng, 2020. https://arxiv.org/abs/2002.08546

    The classifier is to be frozen (`transfer.freeze_head`). The mean over a batch stands for that
    over the domain, and pulls towards equal classes: with other priors on the target it harms.

    Args:
        pseudo: β; 0 is SHOT-IM.
    """

    needs = ("embedding",)
    paired = False
    minimises = ("im",)

    def __init__(self, pseudo: float = 0.3) -> None:
        super().__init__()
        self.pseudo = pseudo
        self.labels: Tensor | None = None

    def bind(self, student: Student, loader: Loader) -> None:
        """Remember who is asked for pseudo-labels, and of what."""
        self._asked = (student, loader)  # in a tuple, or the student would be a part of this module

    def begin_epoch(self) -> None:
        """Renew the pseudo-labels: a function of the student's weights, so nothing to be saved."""
        if not self.pseudo:
            return
        student, loader = self._asked
        was_training = student.training
        student.eval()
        with torch.no_grad():
            said = [student(batch) for batch in loader.epoch(0)]
        student.train(was_training)
        embedding = torch.cat([embeddings(one, one)[0] for one in said])
        logits = torch.cat([one.logits for one in said])
        labels = nearest_centroid(embedding, torch.softmax(logits, dim=1))
        if self.labels is None:
            self.labels = labels
        self.labels.copy_(labels)  # where a recorded step reads them

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """Information maximisation, and cross-entropy with the pseudo-labels."""
        log_p = torch.log_softmax(target.logits, dim=1)
        p = log_p.exp()
        loss: Tensor = (
            -(p * log_p).sum(1).mean() - torch.special.entr(p.mean(0).clamp(min=1e-8)).sum()
        )
        if self.labels is not None:
            loss = loss + self.pseudo * F.cross_entropy(target.logits, self.labels[batch.index])
        return loss


def nearest_centroid(embedding: Tensor, p: Tensor) -> Tensor:
    """(N,) class of the nearest centroid, found from probabilities and then once more from itself.

    Args:
        embedding: (N, D); a constant 1 is put beside, as the authors' code does.
        p: (N, C) class probabilities. A class that is nobody's first choice gets no sample.
    """
    rows = F.normalize(F.pad(embedding, (0, 1), value=1.0), dim=1)
    chosen = F.one_hot(p.argmax(1), p.shape[1]).sum(0) > 0
    for _ in range(2):
        centroids = F.normalize((p.T @ rows) / p.sum(0)[:, None].clamp(min=1e-8), dim=1)
        similarity = (rows @ centroids.T).masked_fill(~chosen, -torch.inf)
        labels = similarity.argmax(1)
        p = F.one_hot(labels, p.shape[1]).to(p)
        chosen = chosen & (p.sum(0) > 0)
    return labels
