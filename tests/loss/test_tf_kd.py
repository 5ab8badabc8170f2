from __future__ import annotations

import pytest
import torch

from kdrun.loss.tf_kd import TfKD
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", [1.0, 20.0])
@pytest.mark.parametrize("soften", [False, True])
def test_value_and_gradient(shape: tuple[int, int], temperature: float, soften: bool) -> None:
    s, t, targets = d.two(shape)
    terms = []
    for row, y in zip(s.tolist(), targets.tolist(), strict=True):
        u = [0.9 if k == y else 0.1 / (len(row) - 1) for k in range(len(row))]
        p = d.softmax(row, temperature if soften else 1.0)
        terms.append(d.kl(d.softmax(u, temperature), p))
    loss = TfKD(temperature, 0.9, soften)
    assert d.value(loss, s, t, targets).item() == pytest.approx(d.mean(terms))
    assert d.gradients_agree(loss, s, t, targets)


def test_the_teacher_does_not_matter() -> None:
    s, t, y = d.two((5, 4))
    assert d.value(TfKD(), s, t, y) == d.value(TfKD(), s, t[:1, :2], y)


def test_unlabelled_samples_are_left_out() -> None:
    s, t, y = d.two((5, 4))
    y[2] = -1
    kept = [0, 1, 3, 4]
    torch.testing.assert_close(d.value(TfKD(), s, t, y), d.value(TfKD(), s[kept], t[kept], y[kept]))


def test_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):
        d.value(TfKD(), torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(3, dtype=torch.long))
