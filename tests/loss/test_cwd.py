from __future__ import annotations

import pytest
import torch

from kdrun.loss.cwd import CWD
from kdrun.types import Outputs
from tests.loss import decisions as d
from tests.loss import maps as m

Y = m.labels(2, 4, 3)


def slow(s: torch.Tensor, t: torch.Tensor, temperature: float) -> float:
    channels = [(a, b) for x, y in zip(s, t, strict=True) for a, b in zip(x, y, strict=True)]
    each = [
        d.kl(*(d.softmax(x.flatten().tolist(), temperature) for x in (b, a))) for a, b in channels
    ]
    return temperature**2 * d.mean(each)


@pytest.mark.parametrize("temperature", d.TEMPERATURES)
@pytest.mark.parametrize("of", ["logits", "features"])
def test_value_and_gradient(of: str, temperature: float) -> None:
    s, t = m.maps(2, 5, 4, 3), m.maps(2, 5, 4, 3, seed=1)
    loss = CWD(of, temperature)

    def value(x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = loss(m.outputs(x, x), m.outputs(t, t), m.batch(Y))
        return result

    loss.build(m.outputs(s, s), m.outputs(t, t), Y)
    assert value(s).item() == pytest.approx(slow(s, t, temperature))
    assert torch.autograd.gradcheck(value, (s.clone().requires_grad_(),))
    assert loss.needs == (of,)


def test_what_a_channel_adds_everywhere_does_not_matter() -> None:
    s = m.maps(2, 5, 4, 3)
    shifted = s + torch.arange(5)[:, None, None]
    assert m.value(CWD("features"), s, shifted, Y).item() == pytest.approx(0, abs=1e-12)


def test_widths_and_sizes_may_differ_on_features() -> None:
    s, t = m.maps(2, 3, 8, 6), m.maps(2, 5, 4, 3)
    loss = m.made(CWD("features"), s, t, Y)
    assert m.value(loss, s, t, Y) > 0
    assert sum(p.numel() for p in loss.parameters()) == 3 * 5 + 5


def test_one_answer_a_sample_is_refused() -> None:
    flat = Outputs(m.maps(2, 5))
    with pytest.raises(ValueError, match="of=features"):
        CWD().build(flat, flat, torch.zeros(2).long())
    with pytest.raises(ValueError, match="features, levels, not 'stage'"):
        CWD(of="stage")


def test_levels_are_all_stages_and_the_sum_over_them() -> None:
    s, t = ([m.maps(2, 3, 4 // n, 6 // n, seed=n + k) for n in (1, 2)] for k in (0, 5))
    both = [Outputs(m.maps(2, 3), features=tuple(x)) for x in (s, t)]
    loss = CWD("levels", 1.0)
    loss.build(*both, Y)
    assert loss(*both, m.batch(Y)).item() == pytest.approx(
        sum(slow(x, y, 1.0) for x, y in zip(s, t, strict=True))
    )
    assert loss.needs == ("features",)
