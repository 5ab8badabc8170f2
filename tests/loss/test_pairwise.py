from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.pairwise import Pairwise
from tests.loss import maps as m

Y = m.labels(2, 4, 3)


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def slow(s: torch.Tensor, t: torch.Tensor, pool: int) -> float:
    errors = []
    for a, b in zip(s, t, strict=True):
        places = [windows(x, pool) for x in (a, b)]
        for i in range(len(places[0])):
            for j in range(len(places[0])):
                ours, theirs = (cosine(p[i], p[j]) for p in places)
                errors.append((ours - theirs) ** 2)
    return sum(errors) / len(errors)


def windows(x: torch.Tensor, pool: int) -> list[list[float]]:
    """The largest value of each channel in each window."""
    return [
        [float(c[i : i + pool, j : j + pool].max()) for c in x]
        for i in range(0, x.shape[1], pool)
        for j in range(0, x.shape[2], pool)
    ]


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_value_and_gradient(pool: int) -> None:
    s, t = m.maps(2, 4, 5, 4), m.maps(2, 6, 5, 4, seed=1)
    loss = m.made(Pairwise(pool), s, t, Y)
    assert m.value(loss, s, t, Y).item() == pytest.approx(slow(s, t, pool))
    assert m.gradients_agree(loss, s, t, Y)


def test_the_length_of_features_does_not_matter() -> None:
    s = m.maps(2, 4, 4, 4)
    assert m.value(Pairwise(1), s, 3 * s, Y).item() == pytest.approx(0, abs=1e-12)


def test_single_pixels_have_no_pairs() -> None:
    s = m.maps(2, 4, 1, 1)
    with pytest.raises(ValueError, match="single pixel"):
        m.made(Pairwise(), s, s, Y)
