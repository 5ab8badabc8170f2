from __future__ import annotations

import math

import pytest
import torch
import yaml
from torch import Tensor

from kdrun.config.schema import folder
from kdrun.loss.at import AT
from tests.loss.trial import CNN, ViT, gradients_agree, learns, maps, said, value


def attention(x: Tensor, power: float) -> list[float]:
    """The definition for one sample (C, H, W), by loops."""
    channels, height, width = x.shape
    energy = [
        sum(abs(x[c, i, j].item()) ** power for c in range(channels))
        for i in range(height)
        for j in range(width)
    ]
    norm = math.sqrt(sum(e * e for e in energy))
    return [e / norm for e in energy]


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        ([(3, 4, 5, 5)], [(3, 2, 5, 5)]),
        ([(2, 3, 4, 4), (2, 6, 2, 2)], [(2, 5, 4, 4), (2, 7, 2, 2)]),
    ],
)
def test_every_form_is_the_definition(
    student: list[tuple[int, ...]], teacher: list[tuple[int, ...]], power: int
) -> None:
    s, t = maps(*student, seed=1), maps(*teacher, seed=2)
    code = paper = square = 0.0
    for a, b in zip(s, t, strict=True):
        for x, y in zip(a, b, strict=True):
            gaps = [
                (p - q) ** 2 for p, q in zip(attention(x, power), attention(y, power), strict=True)
            ]
            code += sum(gaps) / len(gaps) / len(a)
            paper += math.sqrt(sum(gaps)) / 2 / len(a)
            square += sum(gaps) / len(a)
    assert value(AT(power), s, t).item() == pytest.approx(code, rel=1e-10)
    assert value(AT(power, form="paper"), s, t).item() == pytest.approx(paper, rel=1e-10)
    assert value(AT(power, form="square"), s, t).item() == pytest.approx(square, rel=1e-10)


def test_the_last_stage_alone() -> None:
    s, t = maps((2, 3, 4, 4), (2, 6, 2, 2)), maps((2, 5, 4, 4), (2, 7, 2, 2), seed=1)
    assert value(AT(last=True), s, t) == value(AT(), s[1:], t[1:])


def test_what_is_published_for_maps_of_64_by_128_is_the_weight_of_squares() -> None:
    (s,), (t,) = maps((2, 3, 64, 128)), maps((2, 5, 64, 128), seed=1)
    published = 10000 * value(AT(), [s], [t]).item()
    preset = yaml.safe_load((folder() / "loss/pixels/at.yaml").read_text())
    square = value(AT(form=preset["terms"]["at"]["form"]), [s], [t]).item()
    assert preset["weights"]["at"] * square == pytest.approx(published, rel=1e-2)


def test_the_larger_map_is_averaged_down() -> None:
    (small,), (large,) = maps((2, 3, 2, 2)), maps((2, 5, 4, 4), seed=1)
    pooled = torch.nn.functional.avg_pool2d(large, 2)
    assert value(AT(), [small], [large]) == value(AT(), [small], [pooled])
    assert value(AT(), [large], [small]) == value(AT(), [pooled], [small])


@pytest.mark.parametrize("form", ["code", "paper", "square"])
def test_gradients(form: str) -> None:
    loss = AT(form=form)
    assert gradients_agree(loss, maps((2, 3, 2, 2), (2, 2, 3, 3)), maps((2, 2, 4, 4), (2, 5, 3, 3)))


def test_scale_changes_nothing_and_equality_is_zero() -> None:
    (s,), (t,) = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    assert torch.allclose(value(AT(), [7 * s], [t / 3]), value(AT(), [s], [t]))
    for form in ("code", "paper", "square"):
        leaf = s.clone().requires_grad_()
        same = value(AT(form=form), [leaf], [s])
        same.backward()
        assert same == 0
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()


def test_half_precision_cannot_overflow() -> None:
    (s,), (t,) = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    huge = value(AT(), [(s * 3000).half()], [(t * 3000).half()])
    assert huge.dtype == torch.float32
    assert huge.item() == pytest.approx(value(AT(), [s], [t]).item(), rel=1e-2)


def test_tokens_are_maps() -> None:
    (s,), (t,) = maps((2, 3, 3, 3)), maps((2, 5, 3, 3), seed=1)
    tokens = torch.cat([s.new_full((2, 1, 3), 9.0), s.flatten(2).transpose(1, 2)], dim=1)
    assert value(AT(), [tokens], [t]) == value(AT(), [s], [t])


def test_single_pixels_are_refused() -> None:
    rows = said(maps((2, 3, 1, 1)))
    with pytest.raises(ValueError, match="single pixel"):
        AT().build(rows, rows, torch.zeros(2))


def test_a_student_learns() -> None:
    torch.manual_seed(0)
    assert learns(AT(), CNN(4, 6), CNN(8, 12, 16)) < 0.7
    assert learns(AT(), ViT(8, 2), CNN(8, 12, 16)) < 0.7
    assert learns(AT(), CNN(4, 6), ViT(8, 4)) < 0.7


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="code, paper, square, not 'sum'"):
        AT(form="sum")


def test_a_student_without_stages_is_told() -> None:
    bare = said(maps((2, 3, 4, 4)))._replace(features=())
    with pytest.raises(ValueError, match="student shows 0 stages"):
        AT()(bare, said(maps((2, 3, 4, 4))), None)
