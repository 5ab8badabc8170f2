from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.norm_and_direction import NormAndDirection
from kdrun.types import Batch, Outputs
from tests.loss.trial import CNN, ViT, data, learns, maps


def said(embedding: Tensor, classes: int = 3) -> Outputs:
    return Outputs(embedding.new_zeros(len(embedding), classes), embedding)


def labelled(target: Tensor) -> Batch:
    return Batch(torch.zeros(len(target), 1), target, torch.arange(len(target)))


def with_means(student: Tensor, teacher: Tensor, means: Tensor) -> NormAndDirection:
    loss = NormAndDirection()
    loss.build(said(student), said(teacher, len(means)), torch.zeros(4, dtype=torch.long))
    loss.means.copy_(means)
    return loss.double()


@pytest.mark.parametrize(("samples", "width"), [(4, 3), (7, 5)])
def test_value_is_the_definition(samples: int, width: int) -> None:
    s, t, means = maps((samples, width), (samples, width), (3, width))
    target = torch.arange(samples) % 3
    expected = 0.0
    for n, c in enumerate(target.tolist()):
        length = math.sqrt(sum(m * m for m in means[c].tolist()))
        along = sum(x * m / length for x, m in zip(s[n].tolist(), means[c].tolist(), strict=True))
        norms = [math.sqrt(sum(x * x for x in v[n].tolist())) for v in (s, t)]
        expected += 1 - along / max(norms)
    found = with_means(s, t, means)(said(s), said(t), labelled(target))
    assert found.item() == pytest.approx(expected / samples, rel=1e-6)  # means are float32


def test_it_is_zero_along_the_class_and_not_shorter_than_the_teacher() -> None:
    t, means = maps((3, 4), (3, 4))
    along = torch.nn.functional.normalize(means)
    reach = t.norm(dim=1, keepdim=True)
    loss = with_means(t, t, means)
    for factor, expected in ((1.0, 0.0), (2.0, 0.0), (0.25, 0.75)):
        found = loss(said(factor * reach * along), said(t), labelled(torch.arange(3)))
        assert found.item() == pytest.approx(expected, abs=1e-6)


def test_soft_labels_weigh_directions_and_unlabelled_samples_are_left_out() -> None:
    s, t, means = maps((2, 4), (2, 4), (3, 4))
    loss = with_means(s, t, means)
    by_class = torch.stack(
        [loss(said(s), said(t), labelled(torch.tensor([c, -1]))) for c in range(3)]
    )
    first = loss(said(s[:1]), said(t[:1]), labelled(torch.tensor([2])))
    assert torch.allclose(by_class[2], first)
    mixed = torch.tensor([[0.2, 0.5, 0.3], [0, 0, 0]], dtype=torch.float64)
    assert torch.allclose(loss(said(s), said(t), labelled(mixed)), (mixed[0] * by_class).sum())
    none = loss(said(s), said(t), labelled(torch.tensor([-1, -1])))
    assert none == 0


def test_class_means_are_those_of_the_whole_split() -> None:
    loader, teacher = data(batches=3), CNN(6, classes=5).requires_grad_(False).eval()
    loader.batches[1] = loader.batches[1]._replace(target=torch.full((8,), -1))
    outputs = teacher(loader.batches[0])
    loss = NormAndDirection()
    loss.build(outputs, outputs, loader.targets)
    loss.prepare(teacher, loader)
    embeddings = torch.cat([teacher(b).embedding for b in loader.epoch(0)])
    targets = torch.cat([b.target for b in loader.epoch(0)])
    for c in range(4):
        assert torch.allclose(loss.means[c], embeddings[targets == c].mean(0), atol=1e-6)
    assert (loss.means[4] == 0).all()  # a class without samples
    assert "means" in loss.state_dict()


def test_gradients() -> None:
    s, t, means = maps((4, 3), (4, 5), (3, 5))
    loss = with_means(s, t, means).eval()  # dropout differs between evaluations
    target = labelled(torch.arange(4) % 3)
    trained = list(loss.parameters())
    assert len(trained) == 4
    assert torch.autograd.gradcheck(
        lambda x, *_: loss(said(x), said(t), target), (s.requires_grad_(), *trained)
    )


def test_zero_embeddings_have_a_finite_gradient() -> None:
    (means,) = maps((3, 4))
    s = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    loss = with_means(s, s, means)
    loss(said(s), said(s), labelled(torch.arange(2))).backward()
    assert s.grad is not None
    assert torch.isfinite(s.grad).all()


def test_faults_are_told() -> None:
    s, t, means = maps((4, 3), (4, 5), (3, 5))
    loss = with_means(s, t, means)
    with pytest.raises(ValueError, match=r"\(4, 5\), teacher embeddings \(2, 5\)"):
        loss(said(s), said(t[:2]), labelled(torch.arange(4) % 3))
    with pytest.raises(ValueError, match="the teacher has none"):
        loss.build(said(s), said(t)._replace(embedding=None), torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match="in regression there are none"):
        loss.build(said(s), said(t), torch.zeros(4))


def test_a_student_learns() -> None:
    assert learns(NormAndDirection(), CNN(4, 6), CNN(8, 6)) < 0.8
    assert learns(NormAndDirection(), ViT(8, 2), CNN(8, 12, 16)) < 0.8
    assert learns(NormAndDirection(), CNN(4, 6), ViT(8, 4)) < 0.8
