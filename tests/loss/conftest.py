from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    """The same random tensors in every run, whichever tests run before."""
    torch.manual_seed(0)
