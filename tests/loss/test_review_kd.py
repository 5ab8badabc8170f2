from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from kdrun.loss.review_kd import Fusion, ReviewKD, hierarchical
from tests.loss.trial import CNN, ViT, batch_of, built, gradients_agree, learns, maps, said, value

Shapes = list[tuple[int, ...]]


def mean_square(a: Tensor, b: Tensor) -> float:
    total = 0.0
    for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True):
        total += (x - y) ** 2
    return total / a.numel()


def pooled(x: Tensor, side: int) -> Tensor:
    """Averages over side × side cells that tile the map, or overlap where they cannot."""
    n = x.shape[2]
    edges = [(i * n // side, math.ceil((i + 1) * n / side)) for i in range(side)]
    rows = [
        torch.stack([x[:, :, a:b, c:d].mean((2, 3)) for c, d in edges], dim=2) for a, b in edges
    ]
    return torch.stack(rows, dim=2)


@pytest.mark.parametrize("side", [8, 5, 4, 3, 2, 1])
def test_hierarchical_distance_is_the_definition(side: int) -> None:
    (a,), (b,) = maps((2, 3, side, side)), maps((2, 3, side, side), seed=1)
    total, weights = mean_square(a, b), 1.0
    weight = 1.0
    for level in (4, 2, 1):
        if level >= side:
            continue  # as mdistiller: a level that is skipped does not halve the weight
        weight /= 2
        weights += weight
        total += weight * mean_square(pooled(a, level), pooled(b, level))
    assert hierarchical(a, b).item() == pytest.approx(total / weights, rel=1e-10)


def nearest(x: Tensor, side: int) -> Tensor:
    places = [i * x.shape[2] // side for i in range(side)]
    return x[:, :, places][:, :, :, places]


def norm(x: Tensor) -> Tensor:
    """Batch norm of a new layer in training."""
    mean = x.mean((0, 2, 3), keepdim=True)
    return (x - mean) / (((x - mean) ** 2).mean((0, 2, 3), keepdim=True) + 1e-5).sqrt()


def mixed(x: Tensor, weight: Tensor) -> Tensor:
    """A 1×1 convolution."""
    return torch.einsum("nchw,dc->ndhw", x, weight.flatten(1))


def test_fusion_goes_from_the_embedding_down_to_the_shallowest_stage() -> None:
    s = maps((3, 2, 4, 4), (3, 4, 2, 2))
    t = maps((3, 5, 8, 8), (3, 6, 2, 2), seed=1)
    student, teacher = said(s), said(t)
    loss = built(ReviewKD(), student, teacher)
    assert isinstance(loss, ReviewKD)
    assert student.embedding is not None
    assert teacher.embedding is not None
    ours = [*s, student.embedding[:, :, None, None]]
    theirs = [*t, teacher.embedding[:, :, None, None]]
    expected, deeper = 0.0, None
    for place in (2, 1, 0):
        fusion = loss.fusions[place]
        assert isinstance(fusion, Fusion)
        weights = {name: p.detach() for name, p in fusion.named_parameters()}
        fused = norm(mixed(ours[place], weights["enter.0.weight"]))
        if deeper is not None:
            deeper = nearest(deeper, fused.shape[2])
            both = torch.cat([fused, deeper], dim=1)
            heat = mixed(both, weights["attend.0.weight"])
            heat = 1 / (1 + torch.exp(-heat - weights["attend.0.bias"].view(-1, 1, 1)))
            fused = fused * heat[:, :1] + deeper * heat[:, 1:]
        deeper = nearest(fused, theirs[place].shape[2])
        reached = norm(nn.functional.conv2d(deeper, weights["leave.0.weight"], padding=1))
        expected += hierarchical(reached, theirs[place]).item()
    found = loss(student, teacher, batch_of(student))
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_the_width_of_the_fusion_is_that_of_the_embedding_up_to_a_limit() -> None:
    s = maps((2, 3, 4, 4), (2, 6, 2, 2))
    for width, expected in ((512, 6), (4, 4)):
        loss = built(ReviewKD(width=width), said(s), said(s))
        widths = {m.num_features for m in loss.modules() if isinstance(m, nn.BatchNorm2d)}
        assert widths == {expected, 3, 6}


def test_gradients() -> None:
    s, t = maps((3, 2, 4, 4), (3, 2, 2, 2)), maps((3, 3, 4, 4), (3, 2, 1, 1), seed=1)
    assert gradients_agree(built(ReviewKD(), said(s), said(t)), s, t)


def test_which_side_of_the_activation_is_read() -> None:
    s, t = said(maps((3, 2, 4, 4))), said(maps((3, 2, 4, 4), seed=1))
    active = s._replace(features=tuple(x.relu() for x in s.features))
    after, before = built(ReviewKD(), s, t), built(ReviewKD(preactivations=True), s, t)
    before.load_state_dict(after.state_dict())
    bare = t._replace(features=())  # the teacher's features are never read
    assert after(active, bare, None) != before(active, bare, None)
    assert before(active, bare, None) == after(s, bare, None)


def test_faults_are_told() -> None:
    s, t = maps((3, 2, 4, 4)), maps((3, 5, 4, 4), seed=1)
    loss = built(ReviewKD(), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(3, 5, .* and teacher features \(3, 1, "):
        value(loss, s, [t[0][:, :1]])
    with pytest.raises(ValueError, match="student or teacher has none"):
        loss.build(said(s)._replace(embedding=None), said(t), torch.zeros(2))


def test_a_student_learns() -> None:
    assert learns(ReviewKD(), CNN(4, 6), CNN(8, 12, 16)) < 0.9
    assert learns(ReviewKD(), ViT(8, 2), CNN(8, 12, 16)) < 0.9
    assert learns(ReviewKD(), CNN(4, 6), ViT(8, 4)) < 0.9
