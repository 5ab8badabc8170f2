from __future__ import annotations

import pytest
import torch

from kdrun.loss.uld import ULD
from tests.loss import decisions as d


def slow(s: torch.Tensor, t: torch.Tensor, temperature: float) -> float:
    values = []
    for a, b in zip(s.tolist(), t.tolist(), strict=True):
        p, q = (sorted(d.softmax(x, temperature), reverse=True) for x in (a, b))
        width = max(len(p), len(q))
        p, q = (x + [0.0] * (width - len(x)) for x in (p, q))
        values.append(sum(abs(x - y) for x, y in zip(p, q, strict=True)))
    return d.mean(values)


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("more", [-1, 0, 3])
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_value_and_gradient(shape: tuple[int, int], more: int, temperature: float) -> None:
    s, _, y = d.two(shape)
    t = d.logits(shape[0], max(shape[1] + more, 2), 7)
    loss = ULD(temperature)
    assert d.value(loss, s, t).item() == pytest.approx(slow(s, t, temperature))
    assert d.gradients_agree(loss, s, t, y)


def test_the_names_of_classes_do_not_matter() -> None:
    s, t, _ = d.two((5, 4))
    assert d.value(ULD(), s, s[:, [2, 0, 3, 1]]).item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(d.value(ULD(), s, t), d.value(ULD(), s[:, [1, 0, 3, 2]], t))


def test_rows_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\) and teacher logits \(2, 4\)"):
        d.value(ULD(), d.logits(3, 4), d.logits(2, 4))
