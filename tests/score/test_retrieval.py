"""Against sorting by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.score import retrieval
from kdrun.score.retrieval import metrics, ranks, recalls

DRAW = torch.Generator().manual_seed(0)
QUERIES, OTHERS = torch.randn(9, 3, generator=DRAW), torch.randn(30, 3, generator=DRAW)
WANTED, KINDS = torch.arange(9) % 4, torch.arange(30) % 3  # nothing is of kind 3


def slow(
    queries: Tensor, wanted: Tensor, others: Tensor, kinds: Tensor, itself: bool = False
) -> list[int]:
    found = []
    for n, query in enumerate(queries):
        near = [
            (float(F.cosine_similarity(query, other, dim=0)), int(kinds[m]))
            for m, other in enumerate(others)
            if not (itself and m == n)
        ]
        kinds_in_order = [kind for _, kind in sorted(near, reverse=True)]
        if int(wanted[n]) in kinds_in_order:
            found.append(kinds_in_order.index(int(wanted[n])))
    return found


def test_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "AT_ONCE", 4)
    assert ranks(QUERIES, WANTED, OTHERS, KINDS).tolist() == slow(QUERIES, WANTED, OTHERS, KINDS)
    alone = torch.where(torch.arange(30) == 7, 9, KINDS)  # one that has no other of its kind
    found = ranks(OTHERS, alone, OTHERS, alone)
    assert found.tolist() == slow(OTHERS, alone, OTHERS, alone, itself=True)
    assert len(found) == 29


def test_the_same_for_all_finds_nothing() -> None:
    same = torch.ones(12, 2)
    found = ranks(same, torch.arange(12), same.clone(), torch.arange(12))
    assert found.tolist() == [11] * 12
    assert recalls("recall", found) == {f"recall_at_{k}": 0.0 for k in (1, 5, 10)}


def test_recall_at_k_is_the_share_with_a_lower_rank() -> None:
    found = recalls("recall", torch.tensor([0, 0, 1, 4, 5, 9, 10, 30]))
    assert found == {"recall_at_1": 0.25, "recall_at_5": 0.5, "recall_at_10": 0.75}
    assert [metric.name for metric in metrics("recall", "one of the class")] == list(found)
