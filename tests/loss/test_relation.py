from __future__ import annotations

import pytest
import torch

from kdrun.loss.relation import rows, scores, unit


@pytest.mark.parametrize("power", [-10, -3, 0, 3, 10])
def test_a_unit_has_length_one_whatever_the_scale(power: int) -> None:
    x = torch.randn(4, 5, 3) * 10.0**power
    torch.testing.assert_close(unit(x).norm(dim=2), torch.ones(4, 5))
    torch.testing.assert_close(unit(x) * x.norm(dim=2, keepdim=True), x)


def test_zero_has_no_direction_and_no_gradient() -> None:
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    unit(x)[:, 0].sum().backward()
    torch.testing.assert_close(unit(x), torch.tensor([[0.0, 0.0], [0.6, 0.8]]))
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([[0.0, 0.0], [0.128, -0.096]]))


def test_a_unit_is_differentiable() -> None:
    assert torch.autograd.gradcheck(unit, torch.randn(3, 4, dtype=torch.double, requires_grad=True))


def test_rows_are_flat_full_and_cut_off_from_the_teacher() -> None:
    s, t = rows(
        torch.ones(2, 3, 4, 4, dtype=torch.bfloat16, requires_grad=True),
        torch.ones(2, 5, requires_grad=True),
    )
    assert s.shape == (2, 48)
    assert s.dtype == torch.float32
    assert s.requires_grad
    assert not t.requires_grad


def test_rows_of_different_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4, 3\)"):
        rows(torch.ones(2, 3), torch.ones(4, 3))
    with pytest.raises(ValueError, match="the teacher gives nothing"):
        rows(torch.ones(2, 3), None)


def test_scores_leave_out_what_each_is_to_itself() -> None:
    x = torch.randn(5, 3)
    full = x @ x.T
    wanted = torch.stack([torch.cat([row[:i], row[i + 1 :]]) for i, row in enumerate(full)])
    assert scores(x, "dot").allclose(wanted)
    assert scores(x[:1], "cosine").shape == (1, 0)
