from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from kdrun.loss.ofd import OFD
from kdrun.types import Batch, Outputs
from tests.loss.trial import (
    CNN,
    Fixed,
    ViT,
    built,
    data,
    gradients_agree,
    learns,
    maps,
    said,
    value,
)

Shapes = list[tuple[int, ...]]


def margin_of_the_paper(mean: float, std: float) -> float:
    """E[x | x < 0] for a Gaussian, as the authors' code has it from batch norm's parameters."""
    below = float(norm.cdf(-mean / std))
    if below <= 0.001:
        return -3 * std
    return mean - std * math.exp(-((mean / std) ** 2) / 2) / math.sqrt(2 * math.pi) / below


class Gaussian(nn.Module):
    """A teacher whose one stage has channels of given mean and standard deviation."""

    def __init__(self, means: list[float], stds: list[float]) -> None:
        super().__init__()
        self.means = torch.tensor(means).view(-1, 1, 1)
        self.stds = torch.tensor(stds).view(-1, 1, 1)

    def forward(self, batch: Batch) -> Outputs:
        assert isinstance(batch.input, Tensor)
        x = self.means + self.stds * batch.input
        return Outputs(x.mean((2, 3)), preactivations=(x,))


@pytest.mark.parametrize("shapes", [[(3, 2, 4, 4)], [(2, 3, 4, 4), (2, 4, 2, 2), (2, 5, 1, 1)]])
def test_value_is_the_definition(shapes: Shapes) -> None:
    s, t = maps(*shapes), maps(*shapes, seed=1)
    loss = built(OFD(), said(s), said(t))
    assert isinstance(loss, OFD)
    expected = 0.0
    for place, (connector, a, b) in enumerate(zip(loss.connectors, s, t, strict=True)):
        margins = [-0.1 * (c + 1) for c in range(a.shape[1])]
        loss.get_buffer(f"margin{place}").copy_(torch.tensor(margins, dtype=s[0].dtype))
        stage = 0.0
        for ours, theirs in zip(connector(a).transpose(0, 1), b.transpose(0, 1), strict=True):
            margin = margins.pop(0)
            for x, y in zip(ours.flatten().tolist(), theirs.flatten().tolist(), strict=True):
                if y > 0 or x > y > margin:  # the cases as mdistiller writes them
                    stage += (x - y) ** 2
                elif y <= margin < x:
                    stage += (x - margin) ** 2
        expected += stage / len(a) / 2 ** (len(shapes) - place - 1)
    assert value(loss, s, t).item() == pytest.approx(expected, rel=1e-10)


def test_margins_are_the_closed_form_on_gaussian_data() -> None:
    means, stds = [0.0, 1.0, -0.5, 2.0, 6.0], [1.0, 2.0, 0.3, 1.0, 1.0]
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(16, 5, 100, 100, generator=generator) for _ in range(5)]
    loader = Fixed([Batch(x, torch.zeros(16), torch.arange(16)) for x in draws], torch.zeros(80))
    teacher = Gaussian(means, stds)
    outputs = teacher(loader.batches[0])
    loss = OFD()
    loss.build(outputs, outputs, loader.targets)
    loss.prepare(teacher, loader)
    expected = [margin_of_the_paper(m, s) for m, s in zip(means, stds, strict=True)]
    assert expected[-1] == -3
    assert loss.get_buffer("margin0").tolist() == pytest.approx(expected, rel=0.01)


def test_margins_are_those_of_all_batches() -> None:
    loader, teacher = data(), CNN(8, 12, 16).eval()
    student = CNN(4, 6)
    loss = OFD()
    loss.build(student(loader.batches[0]), teacher(loader.batches[0]), loader.targets)
    loss.prepare(teacher.requires_grad_(False), loader)
    for place, depth in enumerate((1, 2)):  # of three stages, two partners take the deepest two
        stage = torch.cat([teacher(b).preactivations[depth] for b in loader.epoch(0)])
        for channel, margin in zip(
            stage.transpose(0, 1), loss.get_buffer(f"margin{place}"), strict=True
        ):
            below = channel[channel < 0]
            rare = len(below) <= 0.001 * channel.numel()
            expected = -3 * channel.std(correction=0) if rare else below.mean()
            assert margin.item() == pytest.approx(expected.item(), rel=1e-4)
    assert {"margin0", "margin1"} <= set(loss.state_dict())


def test_it_is_zero_at_the_teacher_and_below_its_negative_values() -> None:
    (t,) = maps((4, 3, 4, 4))
    loss = built(OFD(), said([t]), said([t]))
    assert isinstance(loss, OFD)
    loss.connectors[0] = nn.Identity()
    loss.get_buffer("margin0").fill_(-0.5)
    assert value(loss, [t], [t]) == value(loss, [torch.where(t < 0, t.clamp(max=-0.5), t)], [t])
    assert value(loss, [torch.where(t < 0, t - 9, t)], [t]) == 0


def test_gradients() -> None:
    s, t = maps((2, 2, 4, 4), (2, 3, 2, 2)), maps((2, 2, 2, 2), (2, 4, 2, 2), seed=1)
    assert gradients_agree(built(OFD(), said(s), said(t)), s, t)


def test_shapes_that_changed_since_build_are_refused() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    loss = built(OFD(), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(2, 5, 4, 4\) and teacher features \(2, 1, 4, 4\)"):
        value(loss, s, [t[0][:, :1]])


def test_a_student_learns() -> None:
    assert learns(OFD(), CNN(4, 6), CNN(8, 12, 16)) < 0.9
    assert learns(OFD(), ViT(8, 2), CNN(8, 12, 16)) < 0.9
    assert learns(OFD(), CNN(4, 6), ViT(8, 4)) < 0.9
