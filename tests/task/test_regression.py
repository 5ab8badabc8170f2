"""Values: errors as scikit-learn's, strata of equal size, and what is said against a teacher."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.score.evaluate import evaluate
from kdrun.task.regression import Errors, Regression
from kdrun.types import Arrays, Batch, Outputs

TASK = Regression()


def batch(*targets: float) -> Batch:
    values = torch.tensor(targets)
    return Batch(torch.zeros(len(values), 1), values, torch.arange(len(values)))


class Said(nn.Module):
    """Answers what it was told, by index."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.values[batch.index][:, None])


def test_errors_are_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    truth, said, taught = torch.randn(3, 70, generator=generator) - 2
    loader = make_loader(Arrays(torch.zeros(70, 1), truth), 32, seed=0, train=False)
    metrics, confusion = evaluate(Said(said), loader, Regression(), Said(taught))
    assert metrics["mae"] == pytest.approx(mean_absolute_error(truth, said))
    assert metrics["rmse"] == pytest.approx(root_mean_squared_error(truth, said))
    assert metrics["r2"] == pytest.approx(r2_score(truth, said))
    assert metrics["teacher_rmse"] == pytest.approx(root_mean_squared_error(truth, taught))
    assert confusion.numel() == 0


def test_a_constant_target_has_no_r2() -> None:
    loader = make_loader(Arrays(torch.zeros(5, 1), torch.ones(5)), 5, seed=0, train=False)
    assert "r2" not in evaluate(Said(torch.zeros(5)), loader, Regression()).metrics


def test_rows_without_a_value_do_not_count() -> None:
    whole, part = Errors(), Errors()
    said = torch.tensor([[1.0], [5.0], [2.0]])
    whole.add(Outputs(said), Outputs(said + 1), batch(0.5, math.nan, 3.0))
    part.add(Outputs(said[::2]), Outputs(said[::2] + 1), batch(0.5, 3.0))
    assert TASK.known(batch(0.5, math.nan).target).tolist() == [True, False]
    assert whole.scores().metrics == part.scores().metrics
    assert TASK.labels(torch.tensor([0.5, math.nan])) == ["0.5", ""]


def test_the_squared_error_is_in_units_of_the_variance() -> None:
    targets = torch.tensor([1.0, 2.0, 6.0])
    assert TASK.scale(targets) == pytest.approx(np.var([1, 2, 6]))
    assert TASK.scale(torch.ones(3)) == 1.0
    said, scale = Outputs(torch.tensor([[1.0], [4.0], [6.0]])), TASK.scale(targets)
    found = TASK.supervised(said, batch(1, 2, 6), scale=scale)
    assert float(found) == pytest.approx((2**2 / 3) / np.var([1, 2, 6]))


def test_a_unit_is_a_mean_and_a_deviation_and_never_none() -> None:
    assert TASK.unit(torch.tensor([1.0, 3.0])) == (2.0, 1.0)
    assert TASK.unit(torch.full((4,), 7.0)) == (7.0, 1.0)


def test_cuts_go_by_fifths_of_the_values() -> None:
    values = torch.arange(50).float()[
        torch.randperm(50, generator=torch.Generator().manual_seed(0))
    ]
    groups = TASK.strata(values)
    assert groups.bincount().tolist() == [10] * 5
    assert values[groups == 0].max() < values[groups == 1].min()


def test_a_teacher_is_held_against_the_mean() -> None:
    targets = torch.zeros(3)
    assert TASK.judge({"mae": 1.0}, targets, "validation") is None  # where targets are all the same
    good = TASK.judge({"r2": 0.1}, targets, "validation")
    assert good is not None
    assert (good.columns, good.told) == ({"teacher_val_r2": 0.1}, "")
    bad = TASK.judge({"r2": -0.1234}, targets, "validation")
    assert bad is not None
    assert bad.told.startswith("has R² -0.123 on validation samples, no better than always")


def test_classes_are_refused_and_names_of_classes_change_nothing() -> None:
    with pytest.raises(ValueError, match="regression is of values, and the data have classes"):
        TASK.accept(torch.tensor([0, 1]))
    TASK.accept(torch.rand(2))
    assert TASK.over(["a", "b"]) is TASK
    assert TASK.width == 1
    for change in (TASK.hidden, TASK.soft):
        with pytest.raises(ValueError, match="class"):
            change(torch.rand(2))
    with pytest.raises(ValueError, match="is about classes, and the task is regression"):
        TASK.decisions()


def test_an_answer_has_six_digits() -> None:
    assert TASK.columns() == ["value"]
    told = TASK.answers(Outputs(torch.tensor([[1 / 3], [1234567.0]])), ["a", "b"], None)
    assert list(told) == [["0.333333"], ["1.23457e+06"]]
