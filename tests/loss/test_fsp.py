from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kdrun.loss.fsp import FSP
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value

Shapes = list[tuple[int, ...]]


def flow(lower: Tensor, upper: Tensor) -> list[list[float]]:
    """The definition for two maps (C, H, W) of one size, by loops."""
    pixels = [(i, j) for i in range(lower.shape[1]) for j in range(lower.shape[2])]
    return [
        [sum(a[p].item() * b[p].item() for p in pixels) / len(pixels) for b in upper] for a in lower
    ]


@pytest.mark.parametrize(
    "shapes", [[(2, 3, 4, 4), (2, 2, 4, 4)], [(3, 2, 3, 3), (3, 4, 3, 3), (3, 1, 3, 3)]]
)
def test_both_forms_are_the_definition(shapes: Shapes) -> None:
    s, t = maps(*shapes), maps(*shapes, seed=1)
    code = paper = 0.0
    for layer in range(len(shapes) - 1):
        for n in range(len(s[0])):
            ours = flow(s[layer][n], s[layer + 1][n])
            theirs = flow(t[layer][n], t[layer + 1][n])
            gaps = [
                (x - y) ** 2
                for a, b in zip(ours, theirs, strict=True)
                for x, y in zip(a, b, strict=True)
            ]
            code += sum(gaps) / len(gaps) / len(s[0])
            paper += sum(gaps) / len(s[0])
    assert value(FSP(), s, t).item() == pytest.approx(code, rel=1e-10)
    assert value(FSP("paper"), s, t).item() == pytest.approx(paper, rel=1e-10)


def test_the_larger_stage_is_pooled_within_each_network() -> None:
    s, t = maps((2, 3, 4, 4), (2, 2, 2, 2)), maps((2, 3, 8, 8), (2, 2, 2, 2), seed=1)
    average, maximum = torch.nn.functional.avg_pool2d, torch.nn.functional.max_pool2d
    for form, pool in (("code", average), ("paper", maximum)):
        pooled = value(FSP(form), [pool(s[0], 2), s[1]], [pool(t[0], 4), t[1]])
        assert torch.allclose(value(FSP(form), s, t), pooled)


@pytest.mark.parametrize("form", ["code", "paper"])
def test_gradients(form: str) -> None:
    shapes: Shapes = [(2, 2, 4, 4), (2, 3, 2, 2), (2, 1, 2, 2)]
    assert gradients_agree(FSP(form), maps(*shapes), maps(*shapes, seed=1))


def test_equality_is_zero() -> None:
    s = maps((2, 3, 4, 4), (2, 2, 2, 2))
    assert value(FSP(), s, s) == 0


def test_pairs_for_which_there_is_no_flow_are_refused() -> None:
    s = maps((2, 3, 4, 4), (2, 4, 2, 2))
    with pytest.raises(ValueError, match=r"student's are \[3, 4\], teacher's \[3, 8\]"):
        built(FSP(), said(s), said(maps((2, 3, 4, 4), (2, 8, 2, 2))))
    with pytest.raises(ValueError, match=r"\(2, 3, 4\) and of the teacher \(2, 3, 1\)"):
        value(FSP(), s, maps((2, 3, 4, 4), (2, 1, 2, 2)))
    with pytest.raises(ValueError, match="two stages"):
        built(FSP(), said(s[:1]), said(s[:1]))
    with pytest.raises(ValueError, match="code, paper, not 'max'"):
        FSP("max")


def test_a_student_learns() -> None:
    torch.manual_seed(0)
    assert learns(FSP(), CNN(4, 6), CNN(4, 6)) < 0.5
    assert learns(FSP(), ViT(8, 2), CNN(8, 8)) < 0.5
    assert learns(FSP(), CNN(8, 8), ViT(8, 4)) < 0.6
