"""Conditional adversaries against loops."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from kdrun.transfer import cdan
from kdrun.transfer.cdan import CDAN
from kdrun.types import Outputs
from tests.transfer.domains import said, value


def built(wide: int = 5, progress: float = 0.5) -> CDAN:
    torch.manual_seed(0)
    term = CDAN(hidden=6)
    term.build(said(4, wide), said(4, wide), torch.zeros(4))
    term.progress = progress
    return term.double()


def probabilities(outputs: Outputs) -> np.ndarray:
    p = np.exp(outputs.logits.numpy())
    return p / p.sum(1, keepdims=True)


def slow(term: CDAN, joint: list[np.ndarray], p: list[np.ndarray]) -> float:
    total = 0.0
    for side in (0, 1):
        weight = [1 + math.exp(sum(q * math.log(q) for q in row)) for row in p[side]]
        losses = []
        for row in joint[side]:
            logit = term.judge(torch.from_numpy(row)[None]).item()
            probability = 1 / (1 + math.exp(-logit))
            losses.append(-math.log(probability if side == 0 else 1 - probability))
        total += sum(w * x for w, x in zip(weight, losses, strict=True)) / sum(weight) / 2
    return total


def test_it_reads_the_outer_product_with_certain_samples_ahead() -> None:
    term, sides = built(), (said(4), said(6, seed=1))
    p = [probabilities(side) for side in sides]
    joint = []
    for side, q in zip(sides, p, strict=True):
        assert side.embedding is not None
        joint.append(
            np.stack(
                [np.outer(f, r).ravel() for f, r in zip(side.embedding.numpy(), q, strict=True)]
            )
        )
    np.testing.assert_allclose(value(term, *sides).item(), slow(term, joint, p), rtol=1e-9)


def test_a_wide_one_is_projected_at_random(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(cdan, "WIDEST", 14)
    term, sides = built(), (said(4), said(6, seed=1))
    assert term.projects
    p = [probabilities(side) for side in sides]
    joint = [
        (side.embedding.numpy() @ term.of_embedding.numpy())  # type: ignore[union-attr]
        * (q @ term.of_classes.numpy())
        / math.sqrt(14)
        for side, q in zip(sides, p, strict=True)
    ]
    np.testing.assert_allclose(value(term, *sides).item(), slow(term, joint, p), rtol=1e-9)
    assert {"of_embedding", "of_classes"} <= term.state_dict().keys()


def test_the_projection_keeps_inner_products_on_average() -> None:
    """What random features are for: ⟨f, f′⟩⟨p, p′⟩, within the noise of 4,096 of them."""
    term = CDAN()
    torch.manual_seed(0)
    term.build(said(4, 2000), said(4, 2000), torch.zeros(4))
    source = said(8, 2000)
    f, p = source.embedding, torch.softmax(source.logits, 1)
    assert f is not None
    joint = term.double()._joint(f, p)
    assert joint.shape == (8, 4096)
    expected = (f @ f.T) * (p @ p.T)
    assert (joint @ joint.T - expected).abs().max() < 0.15 * expected.diagonal().max()


def test_no_gradient_goes_through_the_prediction() -> None:
    source = said(4)
    assert source.embedding is not None
    leaves: list[Tensor] = [source.logits.requires_grad_(), source.embedding.requires_grad_()]
    value(built(), Outputs(*leaves), said(6, seed=1)).backward()
    assert leaves[0].grad is None
    assert leaves[1].grad is not None
