"""What a tally says of itself where a task has nothing to add."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdrun.task.tally import Rows, Tally
from kdrun.types import Batch, Outputs


def test_no_classes_and_no_pictures(tmp_path: Path) -> None:
    tally = Tally()
    assert tally.predicted() == {}
    tally.write(tmp_path)
    assert not list(tmp_path.iterdir())
    outputs, index = Outputs(torch.zeros(1, 1)), torch.arange(1)
    with pytest.raises(NotImplementedError):
        tally.add(outputs, None, Batch(index, index, index))


def test_rows_that_are_samples_say_so_by_saying_nothing() -> None:
    rows = Rows(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2))
    assert rows.weight is None
    assert rows.of is None
