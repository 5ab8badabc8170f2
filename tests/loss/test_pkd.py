from __future__ import annotations

import numpy as np
import pytest
import torch

from kdrun.loss.pkd import PKD
from tests.loss import boxes as b


def slow(s: torch.Tensor, t: torch.Tensor) -> float:
    """One minus the correlation of each channel over batch and places, mean."""
    each = [
        1 - np.corrcoef(s[:, c].flatten().numpy(), t[:, c].flatten().numpy())[0, 1]
        for c in range(s.shape[1])
    ]
    return float(np.mean(each))


def test_value_is_one_minus_the_correlation_summed_over_levels() -> None:
    s, t = b.levels(5, 5), b.levels(5, 5, seed=7)
    loss = b.built(PKD(), s, t)
    assert b.value(loss, s, t).item() == pytest.approx(
        slow(s[0], t[0]) + slow(s[1], t[1]), rel=1e-9
    )
    assert not list(loss.parameters())
    first = b.built(PKD(levels=1), s, t)
    assert b.value(first, s, t).item() == pytest.approx(slow(s[0], t[0]), rel=1e-9)


def test_size_and_mean_of_a_channel_do_not_matter() -> None:
    s = b.levels(5, 5)
    t = [3 * x + torch.arange(5)[:, None, None] for x in s]
    assert b.value(b.built(PKD(), s, t), s, t).item() == pytest.approx(0, abs=1e-9)


def test_gradients_and_other_widths() -> None:
    s, t = b.levels(3, 3), b.levels(4, 4, seed=7)
    loss = b.built(PKD(), s, t)
    assert sum(p.numel() for p in loss.parameters()) == 2 * (3 * 4 + 4)
    assert b.gradients_agree(loss, s, t)


def test_a_constant_channel_has_no_direction() -> None:
    s, t = [torch.zeros(2, 3, 4, 6).double().requires_grad_()], b.levels(3)
    value = b.value(b.built(PKD(), s, t), s, t)
    value.backward()
    assert value.item() == pytest.approx(0.5)
    assert s[0].grad is not None
    assert bool(s[0].grad.isfinite().all())


def test_levels_are_counted() -> None:
    with pytest.raises(ValueError, match="levels=-1"):
        PKD(levels=-1)
