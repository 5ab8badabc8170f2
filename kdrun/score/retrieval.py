"""How often what was looked for is among the nearest: recall at k."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task.metrics import Metric

AT = (1, 5, 10)
"""Each k."""

AT_ONCE = 1024
"""Queries that are held against all others."""


def metrics(prefix: str, what: str) -> tuple[Metric, ...]:
    """`PREFIX_at_1` and so on, each the share of queries.

    Args:
        prefix: of the names.
        what: is found, for the meaning.
    """
    return tuple(Metric(f"{prefix}_at_{k}", "%", False, f"{what} the {k} nearest") for k in AT)


def ranks(queries: Tensor, wanted: Tensor, others: Tensor, kinds: Tensor) -> Tensor:
    """(Q,) how many wrong samples are nearer, by cosine, than the nearest right one.

    A wrong one that is just as near counts against it, so an embedding that is the same for all
    finds nothing. Recall at k is the share of queries with a rank below k (Jégou et al., 2011,
    https://doi.org/10.1109/TPAMI.2010.57; of classes: Oh Song et al., 2016,
    https://arxiv.org/abs/1511.06452).

    Args:
        queries: (M, D) embeddings.
        wanted: (M,) of which kind a right answer is.
        others: (N, D) what is looked through. Where it is `queries` itself, none finds itself.
        kinds: (N,) of these.

    Returns:
        Of the Q ≤ M queries to which there is a right answer.
    """
    itself = others is queries
    asked, known = F.normalize(queries, dim=1), F.normalize(others, dim=1)
    found = []
    for start in range(0, len(asked), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        near = asked[some] @ known.T
        right = wanted[some, None] == kinds
        if itself:
            places = torch.arange(len(near))
            near[places, places + start] = -torch.inf
            right[places, places + start] = False
        best = near.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
        found.append(((near >= best) & ~right & (near > -torch.inf)).sum(1)[right.any(1)])
    return torch.cat(found)


def recalls(prefix: str, found: Tensor) -> dict[str, float]:
    """The metrics of `metrics`, from `ranks`."""
    return {f"{prefix}_at_{k}": float((found < k).double().mean()) for k in AT}
