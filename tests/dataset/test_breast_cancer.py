from __future__ import annotations

import torch

from kdrun.dataset.breast_cancer import breast_cancer
from kdrun.dataset.domains import rows


def test_measures_are_standardised_and_columns_and_classes_have_names() -> None:
    data = breast_cancer()
    assert data.shape == (30,)
    assert data.classes == ["malignant", "benign"]
    assert data.columns[:2] == ("mean radius", "mean texture")
    assert [len(split) for split in (data.train, data.test)] == [358, 171]
    assert torch.allclose(rows(data.train).mean(0), torch.zeros(30), atol=1e-4)
    assert float(data.test.targets.float().mean()) > 0.6
