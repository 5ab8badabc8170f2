"""Components of rows that come in batches."""

from __future__ import annotations

import pytest
import torch

from kdrun.loss.principal import leading


def test_batches_make_no_difference_and_the_variance_is_one() -> None:
    rows = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * 3 + 1000
    one, many = leading([rows], 3), leading(rows.split(7), 3)
    for whole, parts in zip(one, many, strict=True):
        torch.testing.assert_close(whole, parts, atol=1e-3, rtol=1e-3)
    said = (rows - one[0]) @ one[1]
    assert float(said.square().mean()) == pytest.approx(1, rel=1e-3)
    with pytest.raises(ValueError, match="the same of every sample"):
        leading([torch.ones(4, 2)], 1)
