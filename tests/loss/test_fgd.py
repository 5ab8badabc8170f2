from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.fgd import FGD, regions
from tests.loss import boxes as b

ROWS, COLUMNS = 4, 6


def softmax(values: list[float]) -> list[float]:
    total = sum(math.exp(v) for v in values)
    return [math.exp(v) / total for v in values]


def looks(x: Tensor, temperature: float) -> tuple[list[list[float]], list[float]]:
    """Attention over the places and the channels of one picture."""
    c, h, w = x.shape
    places = [sum(abs(float(x[k, i, j])) for k in range(c)) / c for i in range(h) for j in range(w)]
    where = [h * w * p for p in softmax([v / temperature for v in places])]
    means = [float(x[k].abs().mean()) for k in range(c)]
    which = [c * p for p in softmax([v / temperature for v in means])]
    return [where[i * w : (i + 1) * w] for i in range(h)], which


def masks(boxes: Tensor, h: int, w: int) -> tuple[list[list[float]], list[list[float]]]:
    """Of one picture: one over the area of the smallest box at a place; one over what is free."""
    height, width = b.SIZE
    inside = [[0.0] * w for _ in range(h)]
    for label, left, top, right, bottom, crowd in boxes.tolist():
        if label < 0 or crowd:
            continue
        x0, x1 = math.floor(left / width * w), math.ceil(right / width * w)
        y0, y1 = math.floor(top / height * h), math.ceil(bottom / height * h)
        for i in range(y0, min(y1 + 1, h)):
            for j in range(x0, min(x1 + 1, w)):
                inside[i][j] = max(inside[i][j], 1 / ((y1 + 1 - y0) * (x1 + 1 - x0)))
    free = sum(v == 0 for row in inside for v in row)
    return inside, [[1 / free if v == 0 else 0.0 for v in row] for row in inside]


def related(x: Tensor, context: torch.nn.Module) -> Tensor:
    """One picture with what its context adds."""
    context = copy.deepcopy(context).requires_grad_(False)
    c, h, w = x.shape
    weight, bias = context.mask.weight.view(c), context.mask.bias  # type: ignore[union-attr,operator]
    share = softmax([float((x[:, i, j] * weight).sum() + bias) for i in range(h) for j in range(w)])
    whole = sum(s * x[:, n // w, n % w] for n, s in enumerate(share))
    first, norm, _, last = context.add  # type: ignore[misc]
    hidden = first.weight.flatten(1) @ whole + first.bias
    scaled = (hidden - hidden.mean()) / (hidden.var(correction=0) + norm.eps).sqrt()
    hidden = (scaled * norm.weight.flatten() + norm.bias.flatten()).clamp(min=0)
    added = last.weight.flatten(1) @ hidden + last.bias
    return x + added[:, None, None]


def slow(loss: FGD, s: Tensor, t: Tensor, level: int) -> float:
    total = 0.0
    for n in range(len(s)):
        c, h, w = s[n].shape
        where, which = looks(t[n], loss.temperature)
        own, others = looks(s[n], loss.temperature)
        inside, beside = masks(b.TARGETS[n], h, w)
        for i in range(h):
            for j in range(w):
                weight = loss.alpha * inside[i][j] + loss.beta * beside[i][j]
                gap = sum(float(t[n, k, i, j] - s[n, k, i, j]) ** 2 * which[k] for k in range(c))
                total += weight * where[i][j] * gap
                total += loss.gamma * abs(own[i][j] - where[i][j])
        total += loss.gamma * sum(abs(a - o) for a, o in zip(which, others, strict=True))
        gap = related(t[n], loss.theirs[level]) - related(s[n], loss.own[level])
        total += loss.lamda * float(gap.square().sum())
    return total / len(s)


def made(s: list[Tensor], t: list[Tensor]) -> FGD:
    loss = b.built(FGD(0.7, 0.5, 0.3, 0.2, temperature=0.8), s, t)
    assert isinstance(loss, FGD)
    with torch.no_grad():  # the last layer of a context begins at zero
        for parameter in loss.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64))
    return loss


def test_value() -> None:
    s, t = b.levels(4, 4), b.levels(4, 4, seed=7)
    loss = made(s, t)
    expected = sum(slow(loss, x, y, n) for n, (x, y) in enumerate(zip(s, t, strict=True)))
    assert b.value(loss, s, t).item() == pytest.approx(expected, rel=1e-9)


def test_gradients_and_other_widths() -> None:
    s, t = b.levels(2), b.levels(4, seed=7)
    assert b.gradients_agree(made(s, t), s, t)


def test_a_box_lies_where_its_rows_and_columns_are() -> None:
    inside, beside = regions(b.TARGETS[:1], b.SIZE, (ROWS, COLUMNS))
    for found, expected in zip((inside, beside), masks(b.TARGETS[0], ROWS, COLUMNS), strict=True):
        torch.testing.assert_close(found[0], torch.tensor(expected).double())
    assert float(beside.sum()) == pytest.approx(1)
    _, free = regions(b.TARGETS[1:], b.SIZE, (ROWS, COLUMNS))
    torch.testing.assert_close(free, torch.full((1, ROWS, COLUMNS), 1 / 24).double())


def test_only_boxes_have_a_foreground() -> None:
    s = b.levels(4)
    with pytest.raises(ValueError, match="are no boxes"):
        FGD().build(b.said(s), b.said(s), torch.zeros(2, 4, 4).long())
    with pytest.raises(ValueError, match="temperature=0"):
        FGD(temperature=0)
