from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.vid import VID
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value

Shapes = list[tuple[int, ...]]


def log_likelihood(x: float, mean: float, variance: float) -> float:
    """Of a Gaussian, as scipy would say it, without log(2π)/2."""
    density = math.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return math.log(density) + math.log(2 * math.pi) / 2


def predicted(pixel: Tensor, weights: list[Tensor]) -> list[float]:
    """Three linear layers with ReLU between, at one pixel, by loops."""
    x = pixel.tolist()
    for depth, weight in enumerate(weights):
        x = [max(v, 0) for v in x] if depth else x
        x = [sum(w * v for w, v in zip(row, x, strict=True)) for row in weight.flatten(1).tolist()]
    return x


@pytest.mark.parametrize("variance", [5.0, 0.7])
@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        ([(2, 3, 2, 2)], [(2, 4, 2, 2)]),
        ([(3, 2, 2, 1), (3, 4, 1, 1)], [(3, 3, 2, 1), (3, 2, 1, 1)]),
    ],
)
def test_value_is_the_negative_log_likelihood(
    student: Shapes, teacher: Shapes, variance: float
) -> None:
    s, t = maps(*student), maps(*teacher, seed=1)
    loss = built(VID(variance), said(s), said(t))
    assert isinstance(loss, VID)
    expected = 0.0
    for mean, a, b in zip(loss.means, s, t, strict=True):
        weights = [p.detach() for p in mean.parameters()]
        sum_of_stage = 0.0
        for n in range(len(a)):
            for i in range(a.shape[2]):
                for j in range(a.shape[3]):
                    means = predicted(a[n, :, i, j], weights)
                    for m, x in zip(means, b[n, :, i, j].tolist(), strict=True):
                        sum_of_stage -= log_likelihood(x, m, variance)
        expected += sum_of_stage / b.numel()
    assert value(loss, s, t).item() == pytest.approx(expected, rel=1e-6)


def test_gradients_of_features_means_and_variances() -> None:
    s, t = maps((2, 2, 2, 2)), maps((2, 3, 4, 4), seed=1)
    assert gradients_agree(built(VID(), said(s), said(t)), s, t)


def test_variances_are_parameters_and_are_trained() -> None:
    loss = VID()
    torch.manual_seed(0)
    left = learns(loss, CNN(4, 6), CNN(8, 12, 16), steps=40)
    assert left < 0.95
    names = {name for name, _ in loss.named_parameters()}
    assert {"alphas.0", "alphas.1"} <= names
    assert {"alphas.0", "alphas.1"} <= set(loss.state_dict())
    start = math.log(math.expm1(5.0 - 1e-5))
    assert all((alpha < start - 0.1).all() for alpha in loss.alphas)


def test_the_best_variance_is_the_mean_square_of_the_error() -> None:
    s, t = maps((4, 2, 3, 3)), maps((4, 2, 3, 3), seed=1)
    loss = built(VID(), said(s), said(t))
    assert isinstance(loss, VID)
    with torch.no_grad():
        error = (loss.means[0](s[0]) - t[0]).square().mean((0, 2, 3))
        loss.alphas[0].copy_(torch.log(torch.expm1(error - loss.eps)))
    value(loss, s, t).backward()
    assert loss.alphas[0].grad is not None
    assert loss.alphas[0].grad.abs().max() < 1e-9


def test_large_variances_do_not_overflow() -> None:
    s, t = maps((2, 2, 2, 2)), maps((2, 3, 2, 2), seed=1)
    loss = VID(variance=80.0)
    loss.build(said(s), said(t), torch.zeros(2))
    assert torch.isfinite(value(loss, [s[0].float()], [t[0].float()]))


def test_a_teacher_of_another_width_than_built_for_is_refused() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    loss = built(VID(), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(2, 5, 4, 4\) and teacher features \(2, 1, 4, 4\)"):
        value(loss, s, [t[0][:, :1]])


def test_transformers_learn_and_teach() -> None:
    torch.manual_seed(0)
    assert learns(VID(), ViT(8, 2), CNN(8, 12, 16), steps=60) < 0.95
    assert learns(VID(), CNN(4, 6), ViT(8, 4), steps=60) < 0.95
