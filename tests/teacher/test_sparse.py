"""What is kept of many logits: exact where it must be, and the drawn right on average."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kdrun.loss.kd import KD
from kdrun.loss.soft_ce import SoftCE
from kdrun.teacher.sparse import drawn, few, likeliest, numbers, spread
from kdrun.types import Batch, Outputs

GRID = 4000


def every(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(GRID, K) places and (GRID, C) distributions that are drawn at equally spaced chances."""
    chances = (torch.arange(GRID) + 0.5) / GRID
    found = drawn(logits.expand(GRID, -1), count, chances)
    return found["places"], spread(found, logits.shape[-1], torch.float64).softmax(-1)


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0, 40.0])
@pytest.mark.parametrize("count", [1, 5, 19])
def test_what_is_drawn_is_the_whole_on_average(scale: float, count: int) -> None:
    torch.manual_seed(0)
    logits = torch.randn(20) * scale
    places, said = every(logits, count)
    p = logits.double().softmax(-1)
    assert torch.allclose(said.mean(0), p, atol=2 / GRID)
    # Those of a chance of 1 are there always, and say what the teacher says.
    sure = (said > 0).all(0)
    assert torch.allclose(said[:, sure], p[sure].expand(GRID, -1), atol=1e-6)
    if scale < 40:
        assert all(len(set(row)) == count for row in places.tolist())


def test_nothing_is_likely_but_one() -> None:
    logits = torch.full((6,), -torch.inf)
    logits[4] = 0
    _, said = every(logits, 3)
    assert torch.equal(said, torch.eye(6, dtype=torch.float64)[4].expand(GRID, -1))


@pytest.mark.parametrize("loss", [KD(temperature=1.0), SoftCE(temperature=1.0)])
def test_the_gradient_of_a_linear_loss_is_right_on_average(loss: KD | SoftCE) -> None:
    torch.manual_seed(1)
    student, teacher = torch.randn(1, 12, dtype=torch.float64), torch.randn(12)
    batch = Batch(torch.zeros(1), torch.zeros(1, dtype=torch.int64), torch.zeros(1))

    def gradient(said: Tensor) -> Tensor:
        leaf = student.expand(len(said), -1).clone().requires_grad_()
        loss(Outputs(leaf), Outputs(said), batch).backward()
        assert leaf.grad is not None
        return leaf.grad.sum(0)

    assert loss.linear
    chances = (torch.arange(GRID) + 0.5) / GRID
    some = spread(drawn(teacher.expand(GRID, -1), 4, chances), 12, torch.float64)
    assert torch.allclose(gradient(some), gradient(teacher.double()[None]), atol=1e-3)
    best = spread(likeliest(teacher[None], 4), 12, torch.float64)
    assert not torch.allclose(gradient(best), gradient(teacher.double()[None]), atol=1e-3)


@pytest.mark.parametrize("loss", [KD(), KD(1.0, True), SoftCE(2.0)])
def test_what_is_not_linear_does_not_say_so(loss: KD | SoftCE) -> None:
    assert not loss.linear


@pytest.mark.parametrize(("width", "bytes_of_a_place"), [(2**16, 2), (2**16 + 1, 4)])
def test_places_take_as_few_bytes_as_hold_them(width: int, bytes_of_a_place: int) -> None:
    logits = torch.zeros(1, width)
    logits[0, -1] = logits[0, 40_000] = 20.0
    found = few(logits, 2, False, torch.arange(1), 0)
    assert found["places"].element_size() == bytes_of_a_place
    back = spread(found, width, torch.float32)
    assert back[0].topk(2).indices.sort().values.tolist() == [40_000, width - 1]


def test_chances_are_of_the_view_and_the_place_alone() -> None:
    shape = torch.Size((3, 5))
    some, again = (numbers(0, torch.tensor([4, 7, 9]), shape) for _ in range(2))
    assert torch.equal(some, again)
    assert torch.equal(some[1:], numbers(0, torch.tensor([7, 9]), torch.Size((2, 5))))
    assert len(set(some.flatten().tolist())) == 15
    assert not torch.equal(some, numbers(1, torch.tensor([4, 7, 9]), shape))
