"""Stage 2: what training begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.run.start import begin
from tests.run.composed import parts


def test_without_a_transfer_it_is_the_parts(tmp_path: Path) -> None:
    made = parts(tmp_path)
    start = begin(made)
    assert start.student is made.student
    assert (start.train, start.val) == (made.load.train, made.load.val)
    assert start.settings is made.settings
    assert start.takes_steps
    assert not start.transferred


def test_who_is_fitted_at_once_has_one_epoch(tmp_path: Path) -> None:
    made = parts(tmp_path, "student=sklearn_tree", "train.ema=0.9", "train.early_stop=3")
    start = begin(made)
    wanted = start.settings.epochs, start.settings.ema, start.settings.early_stop
    assert wanted == (1, 0.0, None)
    assert not start.takes_steps
    assert made.settings.epochs == 2  # what was asked for stays as it was


def test_who_cannot_transfer_is_named(tmp_path: Path) -> None:
    made = parts(tmp_path, "method=transfer", "transfer=adabn")
    with pytest.raises(ValueError, match=r"^transfer adabn: "):
        begin(made)  # a linear student has no batch norm, nor the data a source
