"""Neighbours and a linear probe, against scikit-learn and by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from kdrun.dataset.loader import make_loader
from kdrun.model import build
from kdrun.score import probe
from kdrun.types import Arrays

DRAW = torch.Generator().manual_seed(0)
TRAIN, TEST = torch.randn(60, 5, generator=DRAW), torch.randn(17, 5, generator=DRAW)
LABELS = (TRAIN[:, 0] > 0).long() + (TRAIN[:, 1] > 0.8).long()


def test_neighbours_vote_by_how_near_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "NEIGHBOURS", 7)
    monkeypatch.setattr(probe, "AT_ONCE", 4)
    found = probe.nearest(TRAIN, LABELS, TEST, 3)
    for asked, said in zip(TEST, found.tolist(), strict=True):
        near = [(float(F.cosine_similarity(asked, one, dim=0)), n) for n, one in enumerate(TRAIN)]
        votes = [0.0, 0.0, 0.0]
        for similarity, n in sorted(near, reverse=True)[:7]:
            votes[int(LABELS[n])] += torch.tensor(similarity / probe.TEMPERATURE).exp().item()
        assert said == votes.index(max(votes))


def test_a_linear_probe_finds_what_is_linear() -> None:
    labels = (TRAIN[:, 2] > 0).long()
    told: list[str] = []
    found = probe.linear(TRAIN, labels, TEST, told.append)
    assert (found == (TEST[:, 2] > 0)).float().mean() > 0.9
    assert told == []


def test_a_probe_that_has_not_come_to_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "STEPS", 1)
    told: list[str] = []
    probe.linear(TRAIN, (TRAIN[:, 2] > 0).long(), TEST, told.append)
    assert told == ["the linear probe has not come to its end in 1 steps"]


def test_an_embedding_is_what_the_head_reads() -> None:
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    network = build(
        {"_target_": "kdrun.model.mlp.MLP", "hidden": [6]}, num_classes=3, shape=(1, 8, 8)
    )
    loader = make_loader(Arrays(images, torch.arange(5)), 2, seed=0, train=False)
    found, targets = probe.embedded(network, loader)
    assert found.shape == (5, 6)
    assert targets.tolist() == [0, 1, 2, 3, 4]
