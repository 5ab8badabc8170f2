from __future__ import annotations

import pytest
import torch

from kdrun.loss.mlkd import MLKD
from tests.loss import decisions as d

Rows = list[list[float]]


def products(p: Rows) -> Rows:
    return [[sum(x * y for x, y in zip(a, b, strict=True)) for b in p] for a in p]


def gaps(p: Rows, q: Rows) -> list[float]:
    """Of each row of P Pᵀ: its squared distance from that of Q Qᵀ."""
    return [
        sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        for a, b in zip(products(p), products(q), strict=True)
    ]


def below_median(values: list[float]) -> list[bool]:
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return [x <= median for x in values]


def slow(s: Rows, t: Rows, temperatures: tuple[float, ...], mask: str) -> float:
    confidence = [d.softmax(row) for row in t]
    samples = below_median([max(row) for row in confidence])
    categories = below_median([sum(column) for column in zip(*confidence, strict=True)])
    total = 0.0
    for temperature in temperatures:
        p, q = ([d.softmax(row, temperature) for row in rows] for rows in (s, t))
        columns = ([list(column) for column in zip(*rows, strict=True)] for rows in (p, q))
        instance = [temperature**2 * d.kl(b, a) for a, b in zip(p, q, strict=True)]
        for terms, kept in (
            (instance, samples),
            (gaps(p, q), samples),
            (gaps(*columns), categories),
        ):
            if mask == "select":
                total += sum(x for x, k in zip(terms, kept, strict=True) if k) / len(terms)
            else:
                total += d.mean(terms) * (d.mean(kept) if mask == "scale" else 1)
    return total


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperatures", [(4.0,), (1.0, 2.5)])
@pytest.mark.parametrize("mask", ["scale", "select", "none"])
def test_value_and_gradient(
    shape: tuple[int, int], temperatures: tuple[float, ...], mask: str
) -> None:
    s, t, y = d.two(shape)
    loss = MLKD(temperatures, mask)  # type: ignore[arg-type]
    expected = slow(s.tolist(), t.tolist(), temperatures, mask)
    assert d.value(loss, s, t).item() == pytest.approx(expected)
    assert d.gradients_agree(loss, s, t, y)


def test_scale_halves_every_part_of_an_even_batch_and_even_classes() -> None:
    s, t, _ = d.two((4, 6))
    torch.testing.assert_close(d.value(MLKD(), s, t), d.value(MLKD(mask="none"), s, t) / 2)


def test_mask_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="scale, select or none, not 'half'"):
        MLKD(mask="half")  # type: ignore[arg-type]
