from __future__ import annotations

import pytest
import torch

from kdrun.loss.mse import MSE
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", [*d.SHAPES, (4, 1)])
def test_logits(shape: tuple[int, int]) -> None:
    s, t, y = d.logits(*shape, 1), d.logits(*shape, 2), torch.zeros(shape[0])
    gaps = [
        (a - b) ** 2
        for row, other in zip(s.tolist(), t.tolist(), strict=True)
        for a, b in zip(row, other, strict=True)
    ]
    assert d.value(MSE(), s, t).item() == pytest.approx(d.mean(gaps))
    assert d.gradients_agree(MSE(), s, t, y)


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_probabilities(shape: tuple[int, int], temperature: float) -> None:
    s, t, y = d.two(shape)
    gaps = [
        (p - q) ** 2
        for a, b in zip(s.tolist(), t.tolist(), strict=True)
        for p, q in zip(d.softmax(a, temperature), d.softmax(b, temperature), strict=True)
    ]
    loss = MSE("probabilities", temperature)
    assert d.value(loss, s, t).item() == pytest.approx(temperature**2 * d.mean(gaps))
    assert d.gradients_agree(loss, s, t, y)


def test_probabilities_of_one_class_say_nothing() -> None:
    for loss in (MSE("probabilities"), MSE(standardize=True)):
        with pytest.raises(ValueError, match="at least 2"):
            d.value(loss, torch.zeros(3, 1), torch.ones(3, 1))


def test_space_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="logits or probabilities, not 'probs'"):
        MSE("probs")  # type: ignore[arg-type]
