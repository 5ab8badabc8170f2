"""Partners are of the same name, or in the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.dataset.asked import Asked
from kdrun.evaluate import paired as module
from kdrun.evaluate.paired import paired, partners
from kdrun.evaluate.reads import Reads
from kdrun.model import build
from kdrun.task.classification import Classification

SIDES = ("left", "right")


def test_a_partner_has_the_same_name_whatever_its_file_ends_in() -> None:
    told: list[str] = []
    found = partners(
        ["a/1.png", "a/2.png", "b/1.png"], ["b/1.jpg", "a/1.jpg", "a/2.jpg"], SIDES, told.append
    )
    assert found.tolist() == [1, 2, 0]
    assert partners(["x", "y"], ["p", "q"], SIDES, told.append).tolist() == [0, 1]
    assert told == ["3 pairs, by their names", "2 pairs, by their order: names differ"]
    with pytest.raises(ValueError, match="left has 2 samples and right 1"):
        partners(["x", "y"], ["x"], SIDES, told.append)
    with pytest.raises(ValueError, match="nothing to be found among"):
        partners(["x"], ["x"], SIDES, told.append)


def test_recall_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    left = draw.normal(size=(20, 4)).astype(np.float32)
    for name, rows in (("left", left), ("near", left * 2), ("far", draw.normal(size=(20, 4)))):
        np.savez(tmp_path / f"{name}.npz", x=rows.astype(np.float32))
    network = build({"_target_": "kdrun.model.linear.Linear"}, num_classes=2, shape=(4,))
    reads = Reads((4,), None, Classification(("a", "b")), (), False, lambda told: None)
    monkeypatch.setattr(module, "who", lambda run: (run, "weights"))

    def asked(other: str) -> dict[str, float]:
        sides = (str(tmp_path / "left.npz"), str(tmp_path / f"{other}.npz"))
        cpu = torch.device("cpu")
        line = paired("run", network, sides, reads, Asked(), 8, cpu, lambda told: None)
        assert line.samples == 20
        assert (
            line.metrics.keys() == {metric.name for metric in line.kinds} == line.intervals.keys()
        )
        return line.metrics

    assert set(asked("near").values()) == {1.0}
    assert asked("far")["recall_at_1"] < 0.5
    assert asked("far")["recall_back_at_1"] <= asked("far")["recall_back_at_10"] <= 1
