from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kdrun.loss.mgd import MGD
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value

Shape = tuple[int, ...]


def conv3(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A 3×3 convolution of one sample (C, H, W), by shifting."""
    height, width = x.shape[1:]
    padded = x.new_zeros(len(x), height + 2, width + 2)
    padded[:, 1:-1, 1:-1] = x
    out = bias.view(-1, 1, 1).expand(-1, height, width).clone()
    for i in range(3):
        for j in range(3):
            shifted = padded[:, i : i + height, j : j + width]
            out += torch.einsum("chw,dc->dhw", shifted, weight[:, :, i, j])
    return out


@pytest.mark.parametrize("mask", ["channel", "space"])
@pytest.mark.parametrize(
    ("student", "teacher"), [((2, 3, 4, 4), (2, 3, 4, 4)), ((3, 2, 2, 2), (3, 4, 2, 2))]
)
def test_value_is_the_definition(student: Shape, teacher: Shape, mask: str) -> None:
    (s,), (t,) = maps(student), maps(teacher, seed=1)
    loss = built(MGD(ratio=0.5, mask=mask), said([s]), said([t]))
    assert isinstance(loss, MGD)
    torch.manual_seed(3)
    found = value(loss, [s], [t]).item()
    torch.manual_seed(3)
    spots = (len(s), teacher[1], 1, 1) if mask == "channel" else (len(s), 1, *student[2:])
    kept = (torch.rand(spots, dtype=s.dtype) >= 0.5).double()
    assert 0 < kept.mean() < 1
    w0, b0, w1, b1 = (p.detach() for p in loss.generate[0].parameters())
    total = 0.0
    for x, m, y in zip(s, kept, t, strict=True):
        aligned = loss.align[0](x[None])[0] if student[1] != teacher[1] else x
        generated = conv3(conv3(aligned * m, w0, b0).clamp(min=0), w1, b1)
        total += sum(
            (g - v) ** 2
            for g, v in zip(generated.flatten().tolist(), y.flatten().tolist(), strict=True)
        )
    assert found == pytest.approx(total / len(s), rel=1e-10)


@pytest.mark.parametrize("mask", ["channel", "space"])
def test_the_share_that_is_masked_is_the_ratio(mask: str) -> None:
    x = torch.ones(50, 40, 6, 6)
    loss = MGD(ratio=0.15, mask=mask)
    loss.build(said([x]), said([x]), torch.zeros(50))
    seen: list[Tensor] = []
    loss.generate[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    value(loss, [x], [x])
    assert 1 - seen[0].mean().item() == pytest.approx(0.15, abs=0.03)
    same = seen[0].amax((2, 3)) == seen[0].amin((2, 3))
    assert same.all() == (mask == "channel")


def test_gradients() -> None:
    s, t = maps((2, 2, 2, 2)), maps((2, 3, 4, 4), seed=1)
    # without a mask, which would differ between evaluations
    assert gradients_agree(built(MGD(ratio=0), said(s), said(t)), s, t)


def test_faults_are_told() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    loss = built(MGD(), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(2, 5, 4, 4\) and teacher features \(2, 1, 4, 4\)"):
        value(loss, s, [t[0][:, :1]])
    with pytest.raises(ValueError, match="channel, space, not 'row'"):
        MGD(mask="row")
    with pytest.raises(ValueError, match="not 1"):
        MGD(ratio=1)


def test_a_student_learns() -> None:
    assert learns(MGD(), CNN(4, 6), CNN(8, 12, 16)) < 0.9
    assert learns(MGD(), ViT(8, 2), CNN(8, 12, 16)) < 0.9
    assert learns(MGD(), CNN(4, 6), ViT(8, 4)) < 0.9


def test_levels_are_all_stages_and_the_sum_over_them() -> None:
    s, t = maps((2, 3, 4, 4), (2, 3, 2, 2)), maps((2, 3, 4, 4), (2, 3, 2, 2), seed=1)
    loss = built(MGD(ratio=0, levels=True), said(s), said(t))
    whole = value(loss, s, t)
    assert isinstance(loss, MGD)
    total = torch.zeros((), dtype=s[0].dtype)
    for generate, x, y in zip(loss.generate, s, t, strict=True):
        total = total + (generate(x) - y).square().sum() / len(x)
    torch.testing.assert_close(whole, total)
    assert gradients_agree(loss, s, t)
