"""Classes: labels that are hidden or mixed, answers by name, and what is said against a teacher."""

from __future__ import annotations

import math

import pytest
import torch

from kdrun.task.classification import Classification, by_value, likeliest
from kdrun.types import Batch, Outputs

TASK = Classification(("cat", "dog", "owl"))
LABELS = torch.tensor([2, -1, 0, 2])


def test_labels_are_known_counted_and_hidden() -> None:
    assert TASK.known(LABELS).tolist() == [True, False, True, True]
    assert (TASK.count(LABELS, False), int(TASK.count(LABELS, True))) == (4, 3)
    assert TASK.count(torch.rand(5, 3), True) == 5  # after mixup all have one
    hidden = TASK.hidden(LABELS)
    assert hidden.tolist() == [-1] * 4
    assert hidden.dtype == LABELS.dtype
    assert TASK.labels(LABELS) == ["owl", "", "cat", "owl"]


def test_a_label_as_probabilities_is_one_for_its_class() -> None:
    assert TASK.soft(LABELS).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match="set it to 0"):
        Classification().soft(LABELS)


def test_a_summary_counts_each_class_even_if_there_is_none() -> None:
    assert TASK.present(LABELS) == {"unlabelled": 1, "classes": {"cat": 1, "dog": 0, "owl": 2}}
    assert Classification().present(LABELS) == {}


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_term_of_labels_is_a_mean_over_those_that_are_known(smoothing: float) -> None:
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    batch = Batch(torch.zeros(4, 1), LABELS, torch.arange(4))
    total = 0.0
    for row, label in zip(logits.tolist(), LABELS.tolist(), strict=True):
        weights = [smoothing / 3 + (1 - smoothing) * (k == label) for k in range(3)]
        norm = math.log(sum(math.exp(x) for x in row))
        total -= sum(w * (x - norm) for w, x in zip(weights, row, strict=True)) * (label >= 0)
    found = TASK.supervised(Outputs(logits), batch, smoothing)
    assert float(found) == pytest.approx(total / 3)
    none = batch._replace(target=torch.full((4,), -1))
    assert float(TASK.supervised(Outputs(logits), none, smoothing)) == 0


def test_an_answer_is_the_likeliest_class_its_probability_and_all_of_them() -> None:
    assert TASK.columns() == ["class", "confidence", "p_cat", "p_dog", "p_owl"]
    logits = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]]).log()
    assert list(TASK.answers(Outputs(logits), ["x", "y"], None)) == [
        ["dog", "0.700000", "0.200000", "0.700000", "0.100000"],
        ["cat", "0.500000", "0.500000", "0.250000", "0.250000"],
    ]
    assert TASK.decisions() == ["cat", "dog", "owl"]


def test_a_split_is_counted_by_its_classes() -> None:
    tally = TASK.tally()
    outputs, index = Outputs(torch.eye(3)[[1, 1, 2]]), torch.arange(3)
    tally.add(outputs, None, Batch(torch.zeros(3, 1), torch.tensor([1, 0, -1]), index))
    assert tally.predicted() == {"cat": 0, "dog": 2, "owl": 0}
    assert tally.scores().metrics["accuracy"] == 0.5


def test_a_teacher_must_beat_the_commonest_class() -> None:
    equal = TASK.judge({"accuracy": 2 / 3}, LABELS, "validation")
    assert equal is not None
    assert equal.told == (
        "is right in 66.7% of 3 validation samples, and always saying 'owl' in 66.7%: it teaches "
        "nothing"
    )
    better = TASK.judge({"accuracy": 0.7}, LABELS, "validation")
    assert better is not None
    assert better.told == ""
    assert TASK.judge({"accuracy": 0.1}, torch.tensor([1, 1, -1]), "training") is None


def test_values_and_nameless_classes_are_refused() -> None:
    TASK.accept(LABELS)
    TASK.accept(torch.rand(2, 3))
    for task, targets in ((TASK, torch.rand(3)), (Classification(), LABELS)):
        with pytest.raises(ValueError, match="classification is of classes"):
            task.accept(targets)


def test_the_class_of_a_sample_is_its_likeliest_after_mixup() -> None:
    assert likeliest(LABELS) is LABELS
    assert likeliest(torch.tensor([[0.4, 0.6], [0.9, 0.1]])).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"targets \(3,\) of type torch.float32 are not classes"):
        likeliest(torch.rand(3))
    assert [by_value(t) for t in (torch.rand(3), torch.rand(3, 2), LABELS)] == [True, False, False]
