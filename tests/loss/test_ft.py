from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss.ft import FT
from tests.loss.trial import CNN, ViT, built, data, gradients_agree, learns, maps, said, value

Shape = tuple[int, ...]


def factor(x: Tensor, collapse: bool) -> list[float]:
    """The factor of one sample (K, H, W), by loops."""
    if collapse:
        pixels = [(i, j) for i in range(x.shape[1]) for j in range(x.shape[2])]
        values = [sum(c[p].item() ** 2 for c in x) / len(x) for p in pixels]
    else:
        values = x.flatten().tolist()
    norm = math.sqrt(sum(v * v for v in values))
    return [v / norm for v in values]


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize(
    ("student", "teacher"), [((2, 3, 3, 3), (2, 4, 3, 3)), ((3, 2, 2, 2), (3, 5, 2, 2))]
)
def test_value_is_the_mean_difference_of_factors(
    student: Shape, teacher: Shape, collapse: bool
) -> None:
    s, t = maps(student), maps(teacher, seed=1)
    loss = built(FT(collapse=collapse), said(s), said(t))
    assert isinstance(loss, FT)
    ours, theirs = loss.translator(s[0]), loss.paraphraser(t[0])
    assert ours.shape == theirs.shape == (len(s[0]), teacher[1] // 2, *teacher[2:])
    gaps = [
        abs(x - y)
        for a, b in zip(ours, theirs, strict=True)
        for x, y in zip(factor(a, collapse), factor(b, collapse), strict=True)
    ]
    assert value(loss, s, t).item() == pytest.approx(sum(gaps) / len(gaps), rel=1e-10)


def test_the_paraphraser_is_that_of_the_paper() -> None:
    """Three 3×3 convolutions with leaky ReLU of 0.1, C → C → kC → kC, and back again."""
    s, t = maps((2, 3, 3, 3)), maps((2, 6, 3, 3), seed=1)
    loss = built(FT(rate=0.5), said(s), said(t))
    assert isinstance(loss, FT)
    x, weights = t[0], list(loss.paraphraser.parameters())
    assert [tuple(w.shape[:2]) for w in weights[::2]] == [(6, 6), (3, 6), (3, 3)]
    for weight, bias in zip(weights[::2], weights[1::2], strict=True):
        x = F.conv2d(x, weight, bias, padding=1)
        x = torch.where(x > 0, x, 0.1 * x)
    assert torch.allclose(loss.paraphraser(t[0]), x)
    assert loss.decoder(x).shape == t[0].shape


@pytest.mark.parametrize("collapse", [True, False])
def test_gradients(collapse: bool) -> None:
    s, t = maps((2, 2, 2, 2)), maps((2, 2, 4, 4), seed=1)
    assert gradients_agree(built(FT(collapse=collapse), said(s), said(t)), s, t)


def test_prepare_trains_the_autoencoder_and_then_leaves_it_alone() -> None:
    loader, teacher = data(), CNN(8, 16).requires_grad_(False).eval()
    outputs = teacher(loader.batches[0])
    loss = FT(epochs=40, lr=0.3)
    loss.build(outputs, outputs, loader.targets)

    def error() -> Tensor:
        stages = torch.cat([teacher(b).features[-1] for b in loader.epoch(0)])
        return F.mse_loss(loss.decoder(loss.paraphraser(stages)), stages)

    before, rows = error(), loss.translator.state_dict()
    loss.prepare(teacher, loader)
    assert error() < before / 2
    assert all(torch.equal(rows[name], x) for name, x in loss.translator.state_dict().items())
    trained = {name.split(".")[0] for name, p in loss.named_parameters() if p.requires_grad}
    assert trained == {"translator"}
    assert all(p.grad is None for p in loss.parameters())
    assert {"paraphraser", "decoder"} <= {name.split(".")[0] for name in loss.state_dict()}


def test_the_larger_factor_is_averaged_down() -> None:
    s, t = maps((2, 3, 2, 2)), maps((2, 4, 4, 4), seed=1)
    loss = built(FT(), said(s), said(t))
    assert isinstance(loss, FT)
    ours = loss.factor(loss.translator(s[0]))
    theirs = loss.factor(F.avg_pool2d(loss.paraphraser(t[0]), 2))
    assert torch.allclose(value(loss, s, t), (ours - theirs).abs().mean())


def test_a_student_learns() -> None:
    assert learns(FT(epochs=2), CNN(4, 6), CNN(8, 12, 16)) < 0.7
    assert learns(FT(epochs=2), ViT(8, 2), CNN(8, 12, 16)) < 0.7
    assert learns(FT(epochs=2), CNN(4, 6), ViT(8, 4)) < 0.7


def test_a_paraphraser_that_diverges_says_so() -> None:
    loader, teacher = data(), CNN(8, 16).requires_grad_(False).eval()
    outputs = teacher(loader.batches[0])
    loss = FT(lr=1e6)
    loss.build(outputs, outputs, loader.targets)
    with pytest.raises(ValueError, match=r"diverges with lr=1000000.0"):
        loss.prepare(teacher, loader)


def test_factors_over_space_need_some() -> None:
    rows = said(maps((2, 3, 1, 1)))
    with pytest.raises(ValueError, match="single pixel"):
        FT().build(rows, rows, torch.zeros(2))
    FT(collapse=False).build(rows, rows, torch.zeros(2))


def test_a_batch_that_is_not_the_teachers_is_refused() -> None:
    s, t = said(maps((2, 3, 4, 4))), said(maps((3, 4, 4, 4)))
    loss = FT()
    with pytest.raises(ValueError, match="not of one batch"):
        loss.build(s, t, torch.zeros(2))
