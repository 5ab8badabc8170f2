"""The reversed gradient, and the discriminator's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kdrun.transfer.adversary import confusion, discriminator, reverse


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_the_value_passes_and_the_gradient_turns_round(factor: float) -> None:
    x = torch.randn(4, 3, requires_grad=True)
    weight = torch.randn(4, 3)
    y = reverse(x, factor)
    assert torch.equal(y, x)
    (y * weight).sum().backward()
    torch.testing.assert_close(x.grad, -factor * weight)


def test_each_domain_counts_half() -> None:
    torch.manual_seed(0)
    judge = discriminator(5, 8).double()
    source, target = torch.randn(3, 5).double(), torch.randn(7, 5).double()
    probability = torch.sigmoid(judge(torch.cat([source, target]))).squeeze(1).tolist()
    of_source = sum(-math.log(p) for p in probability[:3]) / 3
    of_target = sum(-math.log(1 - p) for p in probability[3:]) / 7
    found = confusion(judge, source, target).item()
    np.testing.assert_allclose(found, (of_source + of_target) / 2, rtol=1e-9)


def test_a_judge_that_guesses_is_at_log_two() -> None:
    judge = discriminator(5, 8)
    for parameter in judge.parameters():
        torch.nn.init.zeros_(parameter)
    found = confusion(judge, torch.randn(3, 5), torch.randn(4, 5)).item()
    np.testing.assert_allclose(found, math.log(2), rtol=1e-6)
