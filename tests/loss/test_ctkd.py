from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.ctkd import CTKD
from kdrun.loss.kd import KD
from kdrun.types import Outputs
from tests.loss import decisions as d


def built(loss: CTKD, shape: tuple[int, int] = (4, 5), progress: float = 1.0) -> CTKD:
    s, t, y = d.two(shape)
    loss.build(Outputs(s), Outputs(t), y)
    loss.progress = progress
    return loss.double()


@pytest.mark.parametrize("shape", d.SHAPES)
def test_global_value_is_kd_at_its_temperature(shape: tuple[int, int]) -> None:
    s, t, y = d.two(shape)
    loss = built(CTKD(), shape)
    temperature = 1 + 20 / (1 + math.exp(-1))
    assert d.value(loss, s, t).item() == pytest.approx(d.value(KD(temperature), s, t).item())
    assert d.gradients_agree(loss, s, t, y)


@pytest.mark.parametrize("shape", d.SHAPES)
def test_instance_value_is_kd_at_the_temperature_of_each_sample(shape: tuple[int, int]) -> None:
    s, t, _ = d.two(shape)
    loss = built(CTKD("instance", start=2, span=5, hidden=3), shape)
    first, first_bias, (second,), (second_bias,) = (p.tolist() for p in loss.parameters())
    terms, gradients = [], []
    for a, b in zip(s, t, strict=True):
        logits = [*a.tolist(), *b.tolist()]
        hidden = [
            max(0, sum(w * x for w, x in zip(row, logits, strict=True)) + bias)
            for row, bias in zip(first, first_bias, strict=True)
        ]
        theta = sum(w * h for w, h in zip(second, hidden, strict=True)) + second_bias
        temperature = 2 + 5 / (1 + math.exp(-theta))
        terms.append(d.value(KD(temperature), a[None], b[None]).item())
        gradients.append(d.gradient(KD(temperature), a[None], b[None]) / len(s))
    assert d.value(loss, s, t).item() == pytest.approx(d.mean(terms))
    # That the temperature depends on the student's logits does not reach them.
    torch.testing.assert_close(d.gradient(loss, s, t), torch.cat(gradients))


@pytest.mark.parametrize("progress", [0, 0.01, 0.02, 10 / 240, 0.5, 1])
def test_gradient_of_the_temperature_is_reversed_and_grows(progress: float) -> None:
    s, t, _ = d.two((4, 5))
    loss = built(CTKD(), progress=progress)
    d.value(loss, s, t).backward()
    step, theta = 1e-6, loss.theta.item()
    around = [
        d.value(KD(1 + 20 / (1 + math.exp(-x))), s, t).item() for x in (theta - step, theta + step)
    ]
    slope = (around[1] - around[0]) / (2 * step)
    strength = 0.5 * (1 - math.cos(math.pi * min(240 * progress, 10) / 10))
    assert loss.theta.grad is not None
    assert loss.theta.grad.item() == pytest.approx(-strength * slope, rel=1e-4, abs=1e-12)


def test_descent_of_the_temperature_raises_the_loss() -> None:
    s, t, _ = d.two((4, 5))
    for version in ("global", "instance"):
        loss = built(CTKD(version))
        optimizer = torch.optim.SGD(loss.parameters(), lr=0.01)
        before = d.value(loss, s, t)
        before.backward()
        optimizer.step()
        assert d.value(loss, s, t) > before


def test_without_a_ramp_the_reversal_is_whole_at_once() -> None:
    loss = CTKD(ramp=0)
    assert loss.strength == 1


def test_version_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="global or instance, not 'local'"):
        CTKD("local")  # type: ignore[arg-type]
