from __future__ import annotations

import pytest
import torch

from kdrun.loss.ifvd import IFVD, of_pixels
from tests.loss import maps as m
from tests.loss.test_pairwise import cosine


def slow(s: torch.Tensor, t: torch.Tensor, target: torch.Tensor) -> float:
    errors = []
    for a, b, labels in zip(s, t, target.tolist(), strict=True):
        places = [(i, j) for i in range(a.shape[1]) for j in range(a.shape[2])]
        for i, j in places:
            if labels[i][j] < 0:
                continue
            told = []
            for x in (a, b):
                own = [x[:, k, n].tolist() for k, n in places if labels[k][n] == labels[i][j]]
                centre = [sum(values) / len(own) for values in zip(*own, strict=True)]
                told.append(cosine(x[:, i, j].tolist(), centre))
            errors.append((told[0] - told[1]) ** 2)
    return sum(errors) / len(errors)


def test_value_and_gradient() -> None:
    s, t, y = m.maps(2, 4, 4, 3), m.maps(2, 6, 4, 3, seed=1), m.labels(2, 4, 3)
    loss = m.made(IFVD(), s, t, y)
    assert m.value(loss, s, t, y).item() == pytest.approx(slow(s, t, y))
    assert m.gradients_agree(loss, s, t, y)


def test_pixels_without_a_label_do_not_count() -> None:
    s, t, y = m.maps(2, 4, 4, 3), m.maps(2, 4, 4, 3, seed=1), m.labels(2, 4, 3)
    loss = m.made(IFVD(), s, t, y)
    other = torch.where((y < 0)[:, None], 7.0, s)
    torch.testing.assert_close(m.value(loss, other, t, y), m.value(loss, s, t, y))
    assert m.value(loss, s, t, torch.full_like(y, -1)) == 0


def test_labels_of_samples_are_refused() -> None:
    y = torch.arange(16).view(1, 4, 4)
    assert of_pixels(y, torch.Size((2, 2))).tolist() == [[[0, 2], [8, 10]]]
    with pytest.raises(ValueError, match=r"\(2,\) are not \(N, H, W\)"):
        of_pixels(torch.zeros(2), torch.Size((2, 2)))
