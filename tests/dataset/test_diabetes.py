from __future__ import annotations

import torch

from kdrun.dataset.diabetes import diabetes
from kdrun.dataset.domains import rows


def test_findings_are_standardised_and_values_are_as_they_were() -> None:
    data = diabetes()
    assert data.shape == (10,)
    assert data.classes == []
    assert [len(split) for split in (data.train, data.test)] == [319, 88]
    assert torch.allclose(rows(data.train).mean(0), torch.zeros(10), atol=1e-5)
    assert 25 <= float(data.test.targets.min()) <= float(data.test.targets.max()) <= 346
