"""What a teacher said of a validation or test split."""

from __future__ import annotations

from typing import Any

import torch

from kdrun.dataset.loader import make_loader
from tests.teacher.test_asked import SPLIT, Counted, asked
from tests.train.test_capture import net


def test_another_split_is_written_down_once_all_was_said(tmp_path):
    counted = Counted(net(1))
    test: Any = make_loader(SPLIT, 5, seed=0, train=False)
    first = asked(tmp_path, counted=counted).on("test")
    assert first is not None
    said = [first(batch).logits for batch in test.epoch(0)]
    second = asked(tmp_path, counted=counted).on("test")
    assert second is not None
    again = [second(batch).logits for batch in test.epoch(0)]
    assert all(torch.equal(a, b) for a, b in zip(said, again, strict=True))
    assert counted.samples == len(SPLIT)
