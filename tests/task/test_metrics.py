"""Names, units and directions of metrics, and what a stranger's name says by its ending."""

from __future__ import annotations

import pytest

from kdrun.task import Task
from kdrun.task.classification import Classification
from kdrun.task.detection import Detection
from kdrun.task.generation import Generation
from kdrun.task.metrics import CRITERIA, HEADLINES, Metric, first, guessed
from kdrun.task.regression import Regression
from kdrun.task.segmentation import Segmentation

TASKS = (
    Classification(("a",)),
    Regression(),
    Segmentation(("a",)),
    Detection(("a",)),
    Generation(),
)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_names_only_metrics_that_it_has(task: Task) -> None:
    names = [metric.name for metric in task.metrics]
    assert len({*names}) == len(names)
    assert {task.criterion, task.headline, *task.watched} <= {*names}
    assert not {*names} & {metric.name for metric in task.beside}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_metric_is_explained_and_shares_are_per_cent(task: Task) -> None:
    for metric in (*task.metrics, *task.beside):
        assert metric.meaning
        assert metric.unit in ("", "%", "nat")
        known = guessed(metric.name)  # the ending says the same as the task, where it says a thing
        if known is not None:
            assert (known.unit == "%", known.better) == (metric.unit == "%", metric.better)


LESS = {"nll", "ece", "mae", "rmse", "teacher_rmse", "perplexity", "teacher_perplexity"}
LESS |= {"kl_to_teacher"}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_less_is_better_of_errors_and_more_of_all_else(task: Task) -> None:
    found = {metric.name: metric.better for metric in (*task.metrics, *task.beside)}
    assert found == {name: "less" if name in LESS else "more" for name in found}


@pytest.mark.parametrize(
    ("name", "unit", "better"),
    [
        *[("val/top5", "%", "more"), ("my.F1", "%", "more"), ("agreement", "%", "more")],
        *[("train-loss", "", "less"), ("gpu_mb", "", "less"), ("ece", "%", "less")],
    ],
)
def test_the_last_word_of_a_name_says_what_it_is(name: str, unit: str, better: str) -> None:
    found = guessed(name)
    assert found is not None
    assert (found.name, found.unit, found.better) == (name, unit, better)


@pytest.mark.parametrize("name", ["goodness", "loss_ratio", "accuracy7", "lossy", ""])
def test_of_other_words_there_is_no_telling(name: str) -> None:
    assert guessed(name) is None


def test_the_first_that_has_a_value_counts() -> None:
    assert first(HEADLINES, {"test_accuracy": None, "test_rmse": 0.0}) == "test_rmse"
    assert first(CRITERIA, {"val_r2": 0.1, "val_accuracy": 0.0}) == "val_accuracy"
    assert first(CRITERIA, {}) is None
    assert Metric("x").better == "more"
