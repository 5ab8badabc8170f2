from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from kdrun.loss import Loss
from kdrun.loss.ctkd import CTKD
from kdrun.loss.dist import DIST
from kdrun.loss.dkd import DKD
from kdrun.loss.kd import KD
from kdrun.loss.logits import kl, labelled_mean, pair, split, standardized
from kdrun.loss.mlkd import MLKD
from kdrun.loss.mse import MSE
from kdrun.loss.nkd import NKD
from kdrun.loss.soft_ce import SoftCE
from kdrun.loss.ttm import TTM
from kdrun.loss.wttm import WTTM
from kdrun.task.classification import likeliest
from kdrun.types import Outputs
from tests.loss import decisions as d


def built(loss: type[Loss]) -> Loss:
    made = loss(standardize=True)
    s, t, y = d.two((4, 5))
    made.build(Outputs(s), Outputs(t), y)
    return made.double()


PLAIN = [KD, MSE, SoftCE, DKD, NKD, DIST, TTM, WTTM]
STANDARDIZED = [*PLAIN, CTKD]


@pytest.mark.parametrize("shape", [(1, 2), (4, 3), (2, 10)])
def test_standardized_by_the_definition(shape: tuple[int, int]) -> None:
    x = d.logits(*shape)
    slow = torch.tensor([d.standardized(row) for row in x.tolist()], dtype=x.dtype)
    torch.testing.assert_close(standardized(x), slow)


def test_standardized_equal_logits_are_zero_and_have_a_gradient() -> None:
    x = torch.ones(2, 4, requires_grad=True)
    standardized(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("loss", STANDARDIZED)
def test_standardized_losses_ignore_shift_and_scale(loss: type[Loss]) -> None:
    s, t, y = d.two((4, 5))
    plain = d.value(built(loss), s, t, y)
    torch.testing.assert_close(
        d.value(built(loss), 2 * s + 3, 0.3 * t - 1, y), plain, rtol=1e-5, atol=1e-6
    )
    assert not torch.isclose(plain, d.value(built(loss), s**3, t, y))


@pytest.mark.parametrize("loss", PLAIN)
def test_standardized_is_the_loss_of_standardized_logits(loss: type[Loss]) -> None:
    s, t, y = d.two((4, 5))
    by_hand = d.value(loss(), standardized(s), standardized(t), y)
    torch.testing.assert_close(d.value(built(loss), s, t, y), by_hand)


@pytest.mark.parametrize("loss", [*STANDARDIZED, MLKD])
def test_standardized_losses_differentiate(loss: type[Loss]) -> None:
    assert d.gradients_agree(built(loss), *d.two((4, 5)))


def test_standardized_mlkd_leaves_relations_alone() -> None:
    s, t, y = d.two((4, 5))
    divergence = [
        T**2 * kl(standardized(s) / T, standardized(t) / T).mean() for T in (4.0, 2.0, 3.0, 5.0, 6)
    ]
    plain = [T**2 * kl(s / T, t / T).mean() for T in (4.0, 2.0, 3.0, 5.0, 6)]
    gap = d.value(MLKD(mask="none", standardize=True), s, t, y) - d.value(
        MLKD(mask="none"), s, t, y
    )
    torch.testing.assert_close(gap, sum(divergence) - sum(plain))


def test_pair_casts_half_types_only() -> None:
    for given, used in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        s, t = pair(Outputs(torch.ones(2, 3, dtype=given)), Outputs(torch.ones(2, 3, dtype=given)))
        assert s.dtype == t.dtype == used


def test_pair_cuts_off_the_teacher() -> None:
    logits = torch.ones(2, 3, requires_grad=True)
    s, t = pair(Outputs(logits), Outputs(logits))
    assert s.requires_grad
    assert not t.requires_grad


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        ((4, 10), (4, 7), r"\(4, 10\) and teacher logits \(4, 7\) differ"),
        ((4, 10), (5, 10), r"\(4, 10\) and teacher logits \(5, 10\) differ"),
        ((4, 1), (4, 1), "C at least 2"),
        ((4, 3, 2), (4, 3, 2), r"must be \(N, C\)"),
    ],
)
def test_pair_names_both_shapes(
    student: tuple[int, ...], teacher: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pair(Outputs(torch.zeros(student)), Outputs(torch.zeros(teacher)))


def test_kl_is_finite_far_out() -> None:
    s = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = kl(s, torch.tensor([[-1e4, 1e4, 0.0]])).sum()
    loss.backward()
    assert loss.isfinite()
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_split_takes_each_class_apart() -> None:
    x = torch.arange(12.0).view(3, 4)
    own, rest = split(x, torch.tensor([0, 2, 3]))
    assert own.tolist() == [[0], [6], [11]]
    assert rest.tolist() == [[1, 2, 3], [4, 5, 7], [8, 9, 10]]


def test_classes_of_every_kind_of_target() -> None:
    assert likeliest(torch.tensor([2, -1])).tolist() == [2, -1]
    assert likeliest(torch.tensor([[0.3, 0.7], [0.6, 0.4]])).tolist() == [1, 0]
    with pytest.raises(ValueError, match="not classes"):
        likeliest(torch.tensor([0.5, 1.5]))


def test_labelled_mean_without_labels_is_zero_with_a_gradient() -> None:
    values = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    assert labelled_mean(values, torch.tensor([0, -1, 4])) == 3.5
    none = labelled_mean(values, torch.tensor([-1, -1, -1]))
    none.backward()
    assert none == 0
    assert values.grad is not None
    assert values.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("loss", [DKD, NKD])
def test_unlabelled_samples_are_left_out(loss: type[Loss]) -> None:
    s, t, y = d.two((5, 4))
    some = y.clone()
    some[1] = some[3] = -1
    kept = [0, 2, 4]
    torch.testing.assert_close(
        d.value(loss(), s, t, some), d.value(loss(), s[kept], t[kept], y[kept])
    )


@pytest.mark.parametrize("loss", [DKD, NKD])
def test_soft_targets_count_by_their_likeliest_class(loss: type[Loss]) -> None:
    s, t, y = d.two((5, 4))
    mixed = 0.7 * F.one_hot(y, 4) + 0.3 * F.one_hot((y + 1) % 4, 4)
    torch.testing.assert_close(d.value(loss(), s, t, mixed), d.value(loss(), s, t, y))
