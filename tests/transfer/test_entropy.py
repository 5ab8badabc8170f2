"""Entropy against scipy's."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import entr, softmax

from kdrun.transfer.entropy import Entropy
from kdrun.types import Outputs
from tests.transfer.domains import said, value


def test_it_is_the_mean_entropy_of_the_target() -> None:
    source, target = said(6), said(9, seed=1)
    expected = entr(softmax(target.logits.numpy(), axis=1)).sum(1).mean()
    np.testing.assert_allclose(value(Entropy(), source, target).item(), expected, rtol=1e-9)


def test_certainty_has_none_and_a_finite_gradient() -> None:
    logits = (500 * torch.eye(3)).requires_grad_()
    loss = value(Entropy(), said(3), Outputs(logits))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    np.testing.assert_allclose(value(Entropy(), said(3), Outputs(torch.zeros(3, 3))), math.log(3))
