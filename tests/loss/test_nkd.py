from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.nkd import NKD
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
@pytest.mark.parametrize("gamma", [0, 1.5])
def test_value_and_gradient(shape: tuple[int, int], temperature: float, gamma: float) -> None:
    s, t, targets = d.two(shape)
    terms = []
    for a, b, y in zip(s.tolist(), t.tolist(), targets.tolist(), strict=True):
        term = -d.softmax(b)[y] * math.log(d.softmax(a)[y])
        p, q = d.softmax(a, temperature), d.softmax(b, temperature)
        for k in set(range(len(p))) - {y}:
            normalised = q[k] / (1 - q[y]) * math.log(p[k] / (1 - p[y]))
            term -= gamma * temperature**2 * normalised
        terms.append(term)
    loss = NKD(gamma, temperature)
    assert d.value(loss, s, t, targets).item() == pytest.approx(d.mean(terms))
    assert d.gradients_agree(loss, s, t, targets)


def test_with_two_classes_only_the_target_counts() -> None:
    s, t, y = d.two((4, 2))
    torch.testing.assert_close(d.value(NKD(gamma=9), s, t, y), d.value(NKD(gamma=0), s, t, y))


def test_the_rest_pulls_nowhere_where_student_equals_teacher() -> None:
    t, _, y = d.two((4, 5))
    target_only = d.gradient(NKD(gamma=0), t, t, y)
    torch.testing.assert_close(d.gradient(NKD(gamma=3, temperature=2), t, t, y), target_only)
