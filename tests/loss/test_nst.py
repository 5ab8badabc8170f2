from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.utils.flop_counter import FlopCounterMode

from kdrun.loss.nst import NST
from tests.loss.trial import CNN, ViT, gradients_agree, learns, maps, said, value

Shape = tuple[int, ...]


def mean_kernel(a: Tensor, b: Tensor) -> float:
    """mean_{ij} (a_iᵀ b_j)² of the channels of two maps (C, H, W), by loops."""
    unit = [[c.flatten() / c.norm() for c in x] for x in (a, b)]
    return sum(float(x @ y) ** 2 for x in unit[0] for y in unit[1]) / len(a) / len(b)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        ([(2, 3, 4, 4)], [(2, 5, 4, 4)]),  # few channels: products of channels
        ([(2, 30, 2, 2)], [(2, 20, 2, 2)]),  # many: products of pixels
        ([(2, 9, 3, 1), (3, 2, 2, 2)], [(2, 1, 3, 1), (3, 40, 2, 2)]),
    ],
)
def test_value_is_the_definition(student: list[Shape], teacher: list[Shape]) -> None:
    s, t = maps(*student), maps(*teacher, seed=1)
    expected = 0.0
    for a, b in zip(s, t, strict=True):
        for x, y in zip(a, b, strict=True):
            gap = mean_kernel(y, y) + mean_kernel(x, x) - 2 * mean_kernel(x, y)
            expected += gap / len(a)
    found = sum(float(value(NST(), [a], [b])) for a, b in zip(s, t, strict=True))
    assert found == pytest.approx(expected, rel=1e-9)


def test_stages_add_up_and_the_larger_map_is_averaged_down() -> None:
    s, t = maps((2, 3, 4, 4), (2, 4, 2, 2)), maps((2, 5, 8, 8), (2, 6, 2, 2), seed=1)
    apart = value(NST(), s[:1], [avg_pool2d(t[0], 2)]) + value(NST(), s[1:], t[1:])
    assert torch.allclose(value(NST(), s, t), apart)


@pytest.mark.parametrize("shape", [(2, 3, 3, 3), (2, 12, 2, 2)])
def test_gradients(shape: Shape) -> None:
    assert gradients_agree(NST(), maps(shape), maps((2, 4, *shape[2:]), seed=1))


def test_order_and_scale_of_channels_change_nothing_and_equality_is_zero() -> None:
    (s,), (t,) = maps((2, 6, 3, 3)), maps((2, 4, 3, 3), seed=1)
    moved = 5 * s[:, torch.randperm(6)]
    assert torch.allclose(value(NST(), [moved], [t]), value(NST(), [s], [t]))
    assert value(NST(), [moved], [s]).abs() < 1e-12


def test_cost_grows_with_the_smaller_of_channels_and_pixels() -> None:
    """2,048 channels on 4×4 pixels: no (C, C) matrix, let alone one for each pixel."""
    x = torch.randn(2, 2048, 4, 4)
    with FlopCounterMode(display=False) as counter:
        value(NST(), [x], [x])
    assert counter.get_total_flops() <= 6 * 2 * len(x) * 2048 * 16**2


def test_half_precision_cannot_overflow() -> None:
    (s,), (t,) = maps((2, 6, 3, 3)), maps((2, 4, 3, 3), seed=1)
    huge = value(NST(), [(s * 9000).half()], [(t * 9000).half()])
    assert huge.item() == pytest.approx(value(NST(), [s], [t]).item(), rel=1e-2)


def test_single_pixels_are_refused() -> None:
    rows = said(maps((2, 3, 1, 1)))
    with pytest.raises(ValueError, match="single pixel"):
        NST().build(rows, rows, torch.zeros(2))


def test_a_student_learns() -> None:
    torch.manual_seed(0)
    assert learns(NST(), CNN(4, 6), CNN(8, 12, 16)) < 0.9
    assert learns(NST(), ViT(8, 2), CNN(8, 12, 16)) < 0.9
    assert learns(NST(), CNN(4, 6), ViT(8, 4)) < 0.9
