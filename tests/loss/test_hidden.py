from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kdrun.loss.hidden import Hidden
from kdrun.types import Batch
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value


def project(layer: nn.Module, x: list[float]) -> list[float]:
    if isinstance(layer, nn.Identity):
        return x
    assert isinstance(layer, nn.Linear)
    return [
        sum(w * v for w, v in zip(row, x, strict=True)) + b
        for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    ]


def slow(layer: nn.Module, s: Tensor, t: Tensor, real: list[list[int]] | None = None) -> float:
    """Of one pair of stages (N, L, D)."""
    errors = []
    for n, (sample_s, sample_t) in enumerate(zip(s.tolist(), t.tolist(), strict=True)):
        for i, (a, b) in enumerate(zip(sample_s, sample_t, strict=True)):
            if real is None or real[n][i]:
                errors += [(p - q) ** 2 for p, q in zip(project(layer, a), b, strict=True)]
    return float(sum(errors) / len(errors))


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [(None, [(0, 1), (1, 3)]), ([[0, 0]], [(0, 0)]), ([[-1, 2], [0, 2]], [(1, 2), (0, 2)])],
)
def test_value(mapping: list[list[int]] | None, expected: list[tuple[int, int]]) -> None:
    s = maps((2, 5, 3), (2, 5, 4))
    t = maps(*[(2, 5, 4)] * 4, seed=1)
    loss = built(Hidden(mapping), said(s), said(t))
    assert isinstance(loss, Hidden)
    layers = zip(loss.projections, expected, strict=True)
    total = sum(slow(layer, s[i], t[j]) for layer, (i, j) in layers)
    assert value(loss, s, t).item() == pytest.approx(total, rel=1e-10)


def test_only_stages_of_other_width_are_projected() -> None:
    loss = Hidden()
    loss.build(said(maps((2, 5, 3), (2, 5, 4))), said(maps((2, 5, 4), (2, 5, 4))), torch.zeros(2))
    assert [type(layer) for layer in loss.projections] == [nn.Linear, nn.Identity]


def test_padding_does_not_count() -> None:
    (s,), (t,) = maps((2, 5, 3)), maps((2, 5, 4), seed=1)
    real = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
    mask = torch.tensor(real)
    ids = mask * 5
    student, teacher = (said([x])._replace(tokens=(x,), ids=ids, mask=mask) for x in (s, t))
    loss = built(Hidden(), student, teacher)
    assert isinstance(loss, Hidden)
    batch = Batch({}, torch.zeros(2), torch.arange(2))
    found = loss(student, teacher, batch).item()
    assert found == pytest.approx(slow(loss.projections[0], s, t, real), rel=1e-10)


def test_texts_of_other_tokens_are_compared_in_parts() -> None:
    (s, t), (long_s, long_t) = maps((2, 8, 3), (2, 8, 4)), maps((2, 5, 3), (2, 6, 4), seed=1)
    student = said([s])._replace(tokens=(long_s,), ids=torch.zeros(2, 5), mask=torch.ones(2, 5))
    teacher = said([t])._replace(tokens=(long_t,), ids=torch.zeros(2, 6), mask=torch.ones(2, 6))
    loss = built(Hidden(), student, teacher)
    assert isinstance(loss, Hidden)
    found = loss(student, teacher, Batch({}, torch.zeros(2), torch.arange(2))).item()
    assert found == pytest.approx(slow(loss.projections[0], s, t), rel=1e-10)


def test_a_map_and_tokens_meet_at_the_smaller_size() -> None:
    (s,), (t,) = maps((2, 3, 4, 4)), maps((2, 5, 6), seed=1)  # a class token and 2 × 2 patches
    loss = built(Hidden(), said([s]), said([t]))
    assert isinstance(loss, Hidden)
    pooled = nn.functional.avg_pool2d(s, 2).flatten(2).mT
    expected = slow(loss.projections[0], pooled, t[:, 1:])
    assert value(loss, [s], [t]).item() == pytest.approx(expected, rel=1e-10)


def test_gradient() -> None:
    s, t = maps((2, 3, 2), (2, 3, 4)), maps((2, 3, 4), (2, 3, 4), seed=1)
    assert gradients_agree(built(Hidden(), said(s), said(t)), s, t)


def test_it_trains_across_architectures() -> None:
    assert learns(Hidden(), ViT(4, 2), ViT(8, 4)) < 0.7
    assert learns(Hidden(), CNN(4, 6), ViT(8, 2)) < 0.9
    assert learns(Hidden(), ViT(4, 2), CNN(6, 8)) < 0.9


def test_what_is_not_there_is_refused() -> None:
    tokens = said(maps((2, 5, 4)))
    with pytest.raises(ValueError, match="beyond the 1 stages of the student or the 1"):
        Hidden([[0, 3]]).build(tokens, tokens, torch.zeros(2))
    with pytest.raises(ValueError, match="shows 1 stages and the teacher 0"):
        Hidden().build(tokens, tokens._replace(features=()), torch.zeros(2))
