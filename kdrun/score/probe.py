"""How much of the classes is in a network's embedding: its neighbours, and a linear probe."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.model.features import Student
from kdrun.task.metrics import Metric
from kdrun.types import Loader, Outputs

METRICS = (
    Metric("knn_accuracy", "%", False, "of the classes of the nearest training embeddings"),
    Metric("probe_accuracy", "%", False, "of a logistic regression on training embeddings"),
)

NEIGHBOURS, TEMPERATURE = 20, 0.07
"""As DINO has them: Caron et al., 2021. https://arxiv.org/abs/2104.14294"""

STEPS = 500
"""Of the solver of a linear probe, at most."""

AT_ONCE = 1024
"""Samples whose neighbours are looked for."""


@torch.no_grad()
def embedded(network: Student, loader: Loader) -> tuple[Tensor, Tensor]:
    """(N, D) float32 embeddings of a split on the CPU, and (N,) its classes.

    Raises:
        ValueError: the network has none.
    """
    network.eval()
    network.inner.keep(("embedding",))
    found, targets = [], []
    for batch in loader.epoch(0):
        outputs: Outputs = network(batch)
        if outputs.embedding is None:
            raise ValueError("this student has no embedding: name the `head` in its yaml")
        found.append(outputs.embedding.flatten(1).float().cpu())
        targets.append(batch.target.cpu())
    return torch.cat(found), torch.cat(targets)


def nearest(train: Tensor, labels: Tensor, test: Tensor, classes: int) -> Tensor:
    """(M,) the class that the nearest training embeddings vote for, the nearer the more.

    Wu et al., 2018. https://arxiv.org/abs/1805.01978

    Args:
        train: (N, D) embeddings.
        labels: (N,) their classes.
        test: (M, D).
        classes: how many there are.
    """
    known, asked = (F.normalize(x, dim=1) for x in (train, test))
    votes = []
    for some in asked.split(AT_ONCE):
        near = (some @ known.T).topk(min(NEIGHBOURS, len(known)), dim=1)
        weight = (near.values / TEMPERATURE).exp()
        table = torch.zeros(len(some), classes)
        votes.append(table.scatter_add_(1, labels[near.indices], weight).argmax(1))
    return torch.cat(votes)


def linear(train: Tensor, labels: Tensor, test: Tensor, tell: Callable[[str], None]) -> Tensor:
    """(M,) the classes of a logistic regression on standardised embeddings.

    Args:
        train: as of `nearest`, as are the next two.
        labels: likewise.
        test: likewise.
        tell: what is done with a sentence about it, where it has not come to its end.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=STEPS))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(train.numpy(), labels.numpy())
    if any(issubclass(one.category, ConvergenceWarning) for one in caught):
        tell(f"the linear probe has not come to its end in {STEPS} steps")
    return torch.from_numpy(model.predict(test.numpy()))
