"""From what training begins with to a training."""

from __future__ import annotations

from pathlib import Path

import torch

from kdrun.run.assembly import assemble
from kdrun.run.start import begin
from tests.run.composed import parts


def test_adapters_do_not_depend_on_what_was_drawn_before(tmp_path: Path) -> None:
    words = ("method=distill", "teacher=random_forest", "student=mlp", "loss=ctkd")
    made = parts(tmp_path, *words)
    start = begin(made)
    states = []
    for _ in range(2):
        torch.rand(7)
        states.append(assemble(made, start).method.objective.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_an_average_is_kept_where_one_is_wanted(tmp_path: Path) -> None:
    made = parts(tmp_path)
    assert assemble(made, begin(made)).ema is None
    made = parts(tmp_path, "train.ema=0.5")
    assert assemble(made, begin(made)).ema is not None


def test_one_cycle_goes_by_the_rate_of_each_group(tmp_path: Path) -> None:
    training = assemble(made := parts(tmp_path, "scheduler=one_cycle"), begin(made))
    assert [group["max_lr"] for group in training.optimizer.param_groups] == [
        made.scheduler.section["max_lr"]
    ]
