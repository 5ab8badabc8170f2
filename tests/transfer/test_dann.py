"""Domain-adversarial training: who goes which way, and how far."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.transfer.adversary import confusion
from kdrun.transfer.dann import DANN
from kdrun.types import Outputs
from tests.transfer.domains import said, value


def built(progress: float) -> DANN:
    torch.manual_seed(0)
    term = DANN(hidden=6)
    term.build(said(4), said(4), torch.zeros(4))
    term.progress = progress
    return term.double()


def gradients(term: DANN) -> tuple[Tensor, list[Tensor]]:
    """Of the source's embeddings, and of the discriminator."""
    source, target = said(4), said(6, seed=1)
    assert source.embedding is not None
    leaf = source.embedding.clone().requires_grad_()
    value(term, Outputs(source.logits, leaf), target).backward()
    assert leaf.grad is not None
    return leaf.grad, [p.grad for p in term.parameters() if p.grad is not None]


def straight(term: DANN) -> Tensor:
    """The gradient of the embeddings if nothing were reversed."""
    source, target = said(4), said(6, seed=1)
    assert source.embedding is not None
    assert target.embedding is not None
    leaf = source.embedding.clone().requires_grad_()
    confusion(term.judge, leaf, target.embedding).backward()
    assert leaf.grad is not None
    return leaf.grad


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.5, 1.0])
def test_the_ramp_is_the_paper_s(progress: float) -> None:
    expected = 2 / (1 + math.exp(-10 * progress)) - 1
    np.testing.assert_allclose(built(progress).ramp, expected)


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.9])
def test_the_student_climbs_what_the_discriminator_descends(progress: float) -> None:
    term = built(progress)
    own, _ = gradients(term)
    torch.testing.assert_close(own, -term.ramp * straight(term))


def test_the_discriminator_learns_at_full_speed_from_the_start() -> None:
    _, early = gradients(built(0.0))
    _, late = gradients(built(1.0))
    assert len(early) == 6
    for a, b in zip(early, late, strict=True):
        assert a.abs().sum() > 0
        torch.testing.assert_close(a, b)


def test_its_discriminator_is_trained_and_saved() -> None:
    term = built(0.5)
    assert all(p.requires_grad for p in term.parameters())
    assert any(key.startswith("judge.") for key in term.state_dict())
