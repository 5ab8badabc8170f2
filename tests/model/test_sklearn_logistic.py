"""Logistic regression is scikit-learn's, of labels and of distributions."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from kdrun.model.sklearn_logistic import SklearnLogistic

ROWS = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
LABELS = (ROWS[:, 0] + ROWS[:, 1] ** 2 > 0.5).long() + (ROWS[:, 2] > 1).long()
HARD = torch.nn.functional.one_hot(LABELS).float()
SOFT = (3 * torch.randn(300, 3, generator=torch.Generator().manual_seed(1))).softmax(1)
ONES = torch.ones(300)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_of_labels_is_scikit_learns(classes: int) -> None:
    labels = LABELS.clamp(max=classes - 1)
    ours = SklearnLogistic(classes, 5, strength=0.3)
    ours.fit(ROWS, torch.nn.functional.one_hot(labels).float(), ONES)
    theirs = LogisticRegression(C=0.3).fit(ROWS.numpy(), labels.numpy())
    expected = torch.from_numpy(theirs.predict_proba(ROWS.numpy())).float()
    torch.testing.assert_close(ours(ROWS).softmax(1), expected, atol=1e-3, rtol=0)


def test_logistic_regression_of_distributions_has_no_slope_left() -> None:
    ours = SklearnLogistic(3, 5, strength=1e6)
    weights = torch.rand(300, generator=torch.Generator().manual_seed(2))
    ours.fit(ROWS, SOFT, weights)
    loss = torch.nn.functional.cross_entropy(ours(ROWS), SOFT, reduction="none")
    (weights * loss).mean().backward()
    assert ours.head.weight.grad is not None
    assert ours.head.weight.grad.abs().max() < 1e-3


def test_a_class_of_which_there_is_nothing_is_never_said() -> None:
    ours = SklearnLogistic(4, 5)
    ours.fit(ROWS, torch.nn.functional.one_hot(LABELS.clamp(max=1), 4).float(), ONES)
    assert ours(ROWS).softmax(1)[:, 2:].max() < 1e-6


def test_a_sample_that_counts_twice_is_two_samples() -> None:
    twice, two = SklearnLogistic(3, 5), SklearnLogistic(3, 5)
    weights = 1 + (torch.arange(300) < 30).float()
    twice.fit(ROWS, SOFT, weights)
    more = torch.cat([ROWS, ROWS[:30]])
    two.fit(more, torch.cat([SOFT, SOFT[:30]]), torch.ones(330))
    torch.testing.assert_close(twice(ROWS), two(ROWS), atol=2e-3, rtol=0)
