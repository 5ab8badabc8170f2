"""Intervals over samples, and the counts of some of the samples that they are made of."""

from __future__ import annotations

import pytest
import torch

from kdrun.batch import Batch, Outputs
from kdrun.score.intervals import intervals, wilson
from kdrun.task import Task
from kdrun.task.classification import Classification
from kdrun.task.regression import Regression
from kdrun.task.segmentation import Segmentation

ALL = torch.arange(40)


def asked(task: Task, places: torch.Tensor, keeps: bool = True):
    """A tally of answers that are drawn once, in batches of seven."""
    draw = torch.Generator().manual_seed(0)
    size = (6, 5) if task.spatial else ()
    logits = torch.randn(40, task.width, *size, generator=draw)
    target = torch.randint(0, 3, (40, *size), generator=draw)
    if not task.classes:
        target = torch.randn(40, generator=draw)
    tally = task.tally()
    tally.keeps = keeps
    for some in places.split(7):
        inputs = torch.zeros(len(some), 1)
        tally.add(Outputs(logits[some]), None, Batch(inputs, target[some], some))
    return tally


@pytest.mark.parametrize(
    "task", [Classification(tuple("abcdefg")), Regression(), Segmentation(tuple("abc"))]
)
def test_the_count_of_some_samples_is_a_count_of_them_alone(task: Task) -> None:
    whole = asked(task, ALL)
    some = torch.tensor([3, 3, 39, 0, 17, 21, 8, 30])
    found = whole.some(some)
    assert found is not None
    alone = asked(task, some, keeps=False).scores()
    assert found.scores().metrics == pytest.approx(alone.metrics)
    assert torch.equal(found.scores().confusion, alone.confusion)
    everything = whole.some(ALL)
    assert everything is not None
    assert everything.scores().metrics == pytest.approx(whole.scores().metrics)


def test_an_interval_holds_its_metric_and_narrows_with_the_samples() -> None:
    task = Classification(tuple("abc"))
    tally = asked(task, ALL)
    metrics = tally.scores().metrics
    found, few = intervals(tally, ALL, task), intervals(tally, ALL[:10], task)
    assert found.keys() == metrics.keys()
    for name in ("accuracy", "f1", "nll"):
        low, high = found[name]
        assert low < metrics[name] < high
        assert high - low < few[name][1] - few[name][0]
    assert intervals(tally, ALL, task) == found
    nll = found["nll"]
    spread = float(torch.cat([k.nll for k in tally.kept]).std()) / 40**0.5
    assert (nll[1] - nll[0]) / (2 * 1.96 * spread) == pytest.approx(1, abs=0.15)


def test_wilson_is_as_published_and_not_empty_where_all_are_right() -> None:
    # Newcombe 1998, table I, score method without continuity correction
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(1.0, 20) == pytest.approx((0.8389, 1.0), abs=5e-5)


def test_what_keeps_no_samples_or_has_one_has_no_interval() -> None:
    task = Classification(tuple("abc"))
    assert intervals(asked(task, ALL), ALL[:1], task) == {}
    from kdrun.task.next_tokens import NextTokens

    assert intervals(NextTokens(), ALL, task) == {}
