from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.loss.fitnets import FitNets
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize(("width", "size"), [((3, 5), (4, 4)), ((2, 2), (8, 4)), ((3, 4), (2, 4))])
def test_value_is_the_mean_square_of_the_regression(
    width: tuple[int, int], size: tuple[int, int], relu: bool
) -> None:
    s = maps((2, width[0], size[0], size[0]))
    t = maps((2, width[1], size[1], size[1]), seed=1)
    loss = built(FitNets(stage=0, relu=relu), said(s), said(t))
    assert isinstance(loss, FitNets)
    hint = loss.regressor(s[0])
    assert hint.shape == t[0].shape
    total = 0.0
    for reached, wanted in zip(hint.flatten().tolist(), t[0].flatten().tolist(), strict=True):
        total += ((max(reached, 0) if relu else reached) - wanted) ** 2
    assert value(loss, s, t).item() == pytest.approx(total / hint.numel(), rel=1e-10)


def test_the_regressor_is_that_of_the_benchmark() -> None:
    """A convolution, batch statistics over the batch and space, then ReLU: by hand at one pixel."""
    s, t = maps((3, 2, 1, 1)), maps((3, 1, 1, 1), seed=1)
    loss = built(FitNets(stage=0), said(s), said(t))
    assert isinstance(loss, FitNets)
    weight, bias, *_ = (p.detach().flatten().tolist() for p in loss.parameters())
    out = [
        sum(w * x for w, x in zip(weight, row, strict=True)) + bias[0]
        for row in s[0][..., 0, 0].tolist()
    ]
    mean = sum(out) / 3
    std = (sum((x - mean) ** 2 for x in out) / 3 + 1e-5) ** 0.5
    expected = [
        (max((x - mean) / std, 0) - y) ** 2
        for x, y in zip(out, t[0].flatten().tolist(), strict=True)
    ]
    assert value(loss, s, t).item() == pytest.approx(sum(expected) / 3, rel=1e-10)


def test_gradients() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 2, 2, 2), seed=1)
    assert gradients_agree(built(FitNets(stage=0), said(s), said(t)), s, t)


def test_the_second_stage_is_the_hint() -> None:
    s = maps((2, 3, 8, 8), (2, 4, 4, 4), (2, 5, 2, 2))
    t = maps((2, 6, 8, 8), (2, 7, 4, 4), (2, 9, 2, 2), seed=1)
    loss = FitNets()
    loss.build(said(s), said(t), torch.zeros(2))
    conv = next(m for m in loss.modules() if isinstance(m, nn.Conv2d))
    assert (conv.in_channels, conv.out_channels) == (4, 7)


def test_a_teacher_of_another_width_than_built_for_is_refused() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    loss = built(FitNets(stage=0), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(2, 5, 4, 4\) and teacher features \(2, 1, 4, 4\)"):
        value(loss, s, [t[0][:, :1]])
    with pytest.raises(ValueError, match="stage 2 of 1"):
        FitNets(stage=2).build(said(s), said(t), torch.zeros(2))


def test_a_student_learns() -> None:
    torch.manual_seed(0)
    assert learns(FitNets(), CNN(4, 6), CNN(8, 12)) < 0.9
    assert learns(FitNets(relu=False), CNN(4, 6), ViT(8, 4)) < 0.9
    assert learns(FitNets(), ViT(8, 2), CNN(8, 12, 16)) < 0.9
