"""Against scikit-learn's components."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sklearn.decomposition import PCA

from kdrun.loss.pca_embedding import PCAEmbedding
from kdrun.types import Batch, Outputs

DRAW = torch.Generator().manual_seed(0)
TEACHER = torch.randn(40, 7, generator=DRAW) @ torch.randn(7, 7, generator=DRAW) + 3
STUDENT = torch.randn(40, 4, generator=DRAW)
ALL = Batch(torch.zeros(40, 1), torch.full((40,), -1), torch.arange(40))
LOGITS = torch.zeros(40, 2)


def built(**options: Any) -> PCAEmbedding:
    loss = PCAEmbedding(**options)
    loss.build(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER), ALL.target)
    parts = [Batch(ALL.input, ALL.target, index) for index in ALL.index.split(11)]
    loader = SimpleNamespace(epoch=lambda number: parts)
    loss.prepare(lambda batch: Outputs(LOGITS, TEACHER[batch.index]), loader)  # type: ignore[arg-type]
    return loss


def test_it_is_the_distance_from_scikit_learns_components() -> None:
    loss = built(linear=False)
    pca = PCA(4).fit(TEACHER.double().numpy())
    wanted = torch.from_numpy(pca.transform(TEACHER.double().numpy()))
    wanted /= (wanted.square().sum(1).mean() / 4).sqrt()
    signs = (wanted * ((TEACHER - loss.mean) @ loss.projection)).sum(0).sign()
    expected = (STUDENT - wanted * signs).square().mean()
    found = loss(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER), ALL)
    assert float(found) == pytest.approx(float(expected), rel=1e-4)
    nothing = loss(Outputs(LOGITS, torch.zeros(40, 4)), Outputs(LOGITS, TEACHER), ALL)
    assert float(nothing) == pytest.approx(1.0, rel=1e-4)


def test_the_map_is_trained_and_reaches_the_student() -> None:
    loss = built()
    student = STUDENT.clone().requires_grad_()
    loss(Outputs(LOGITS, student), Outputs(LOGITS, TEACHER), ALL).backward()
    assert student.grad is not None
    assert all(parameter.grad is not None for parameter in loss.parameters())
    with pytest.raises(ValueError, match="do not fit 4 components of 7 numbers"):
        loss(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER[:, :5]), ALL)
