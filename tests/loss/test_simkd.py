from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.loss.simkd import Reused, SimKD
from kdrun.loss.stages import same_size
from kdrun.types import Batch, Outputs
from tests.loss.trial import CNN, ViT, built, data, gradients_agree, learns, maps, said, value


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("teacher", [(2, 5, 4, 4), (2, 3, 2, 2), (2, 6, 1, 1)])
def test_value_is_the_mean_square_of_the_projection(teacher: tuple[int, ...]) -> None:
    (s,), (t,) = maps((2, 3, 4, 4)), maps(teacher, seed=1)
    loss = built(SimKD(), said([s]), said([t]))
    assert isinstance(loss, SimKD)
    side = teacher[2]
    smaller = s.reshape(2, 3, side, 4 // side, side, 4 // side).mean((3, 5))
    total = 0.0
    reached = loss.head.projection(smaller)
    for x, y in zip(reached.flatten().tolist(), t.flatten().tolist(), strict=True):
        total += (x - y) ** 2
    assert value(loss, [s], [t]).item() == pytest.approx(total / t.numel(), rel=1e-10)


def test_the_projection_is_the_papers_bottleneck() -> None:
    s, t = maps((2, 6, 4, 4)), maps((2, 8, 4, 4), seed=1)
    for factor, middle in ((2, 4), (4, 2)):
        loss = SimKD(factor)
        loss.build(said(s), said([t[0].abs()]), torch.zeros(2))
        convs = [m for m in loss.head.projection.modules() if isinstance(m, nn.Conv2d)]
        shapes = [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convs]
        assert shapes == [(6, middle, 1), (middle, middle, 3), (middle, 8, 1)]
        assert loss.head.projection(s[0].float()).min() == 0  # ends in a ReLU
    loss = SimKD()
    loss.build(said(s), said(t), torch.zeros(2))
    assert loss.head.projection(s[0].float()).min() < 0  # the teacher has negative values here


def test_gradients() -> None:
    s, t = maps((2, 2, 2, 2)), maps((2, 2, 4, 4), seed=1)
    loss = built(SimKD(), said(s), said(t))
    assert gradients_agree(loss, s, t)


@pytest.mark.parametrize("teacher", [CNN(8, 12), ViT(8, 2)])
def test_the_classifier_is_the_teachers(teacher: nn.Module) -> None:
    loader = data(batches=4)
    teacher.requires_grad_(False).eval()
    loss = SimKD()
    outputs = teacher(loader.batches[0])
    loss.build(CNN(4, 6)(loader.batches[0]), outputs, loader.targets)
    loss.prepare(teacher, loader)
    for batch in loader.epoch(0):
        outputs = teacher(batch)
        assert outputs.embedding is not None
        assert torch.allclose(loss.head.classifier(outputs.embedding), outputs.logits, atol=1e-4)
    assert not loss.head.classifier.weight.requires_grad
    assert not loss.head.classifier.bias.requires_grad


def test_half_precision_teachers_give_their_classifier_too() -> None:
    class Half(CNN):
        def forward(self, batch: Batch) -> Outputs:
            with torch.autocast("cpu", torch.bfloat16):
                outputs = super().forward(batch)
            return outputs._replace(logits=outputs.logits.float())

    loader, teacher = data(batches=40), Half(8, 12).requires_grad_(False).eval()
    unseen, loader.batches = loader.batches[-1], loader.batches[:-1]
    loss = SimKD()
    outputs = teacher(unseen)
    loss.build(outputs, outputs, loader.targets)
    loss.prepare(teacher, loader)
    assert outputs.embedding is not None
    found = loss.head.classifier(outputs.embedding.float())
    assert torch.allclose(found, outputs.logits, atol=2e-3)  # bfloat16 has steps of 4e-3 at 1


def test_a_teacher_without_a_linear_classifier_is_refused() -> None:
    class Odd(CNN):
        def forward(self, batch: Batch) -> Outputs:
            outputs = super().forward(batch)
            return outputs._replace(logits=torch.randn_like(outputs.logits))

    loader, teacher = data(batches=20), Odd(8).requires_grad_(False).eval()
    loss = SimKD()
    outputs = teacher(loader.batches[0])
    loss.build(outputs, outputs, loader.targets)
    with pytest.raises(ValueError, match="not linear in its embedding"):
        loss.prepare(teacher, loader)
    with pytest.raises(ValueError, match="it has none"):
        loss.build(outputs, outputs._replace(embedding=None), loader.targets)


def deployed(student: nn.Module, teacher: nn.Module, steps: int = 60) -> tuple[SimKD, Reused]:
    torch.manual_seed(0)
    loss = SimKD()
    assert learns(loss, student, teacher, steps) < 0.8
    return loss, loss.deploy(student)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [(CNN(8, 16), CNN(8, 12, 16)), (ViT(8, 2), CNN(8, 12)), (CNN(8, 16), ViT(8, 4))],
)
def test_what_is_deployed_predicts_with_student_projection_and_classifier(
    student: nn.Module, teacher: nn.Module
) -> None:
    loss, network = deployed(student, teacher)
    assert parameters(network) == sum(
        map(parameters, (student, loss.head.projection, loss.head.classifier))
    )
    network.eval()
    for batch in data().epoch(0):
        s, t = student(batch), teacher(batch)
        smaller, target = same_size(*loss.stages(s, t))
        assert smaller.shape[2:] == target.shape[2:] == loss.head.size
        by_hand = loss.head.classifier(loss.head.projection(smaller).mean((2, 3)))
        assert torch.allclose(network(batch).logits, by_hand, atol=1e-6)
    batch = data().batches[0]
    assert torch.equal(network.train()(batch).logits, student(batch).logits)


def test_the_better_the_match_the_nearer_the_teachers_logits() -> None:
    """A student whose last stage is the teacher's, through an identity, is the teacher."""
    teacher = CNN(8, 12).requires_grad_(False).eval()
    loader = data(batches=4)
    outputs = teacher(loader.batches[0])
    loss = SimKD()
    loss.build(outputs, outputs, loader.targets)
    loss.prepare(teacher, loader)
    loss.head.projection = nn.Sequential()
    network = loss.deploy(teacher).eval()
    for batch in loader.epoch(0):
        assert loss(teacher(batch), teacher(batch), batch) == 0
        assert torch.allclose(network(batch).logits, teacher(batch).logits, atol=1e-4)


def test_state_of_the_loss_is_enough_to_deploy_again() -> None:
    student, teacher = CNN(8, 16), CNN(8, 12, 16)
    loss, network = deployed(student, teacher, steps=20)
    batch = data().batches[0]
    again = SimKD()
    again.build(student(batch), teacher(batch), batch.target)
    again.load_state_dict(loss.state_dict())
    twin = again.deploy(student)
    with torch.no_grad():
        assert torch.equal(twin.eval()(batch).logits, network.eval()(batch).logits)


def test_a_teacher_of_another_width_than_built_for_is_refused() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 5, 4, 4), seed=1)
    loss = built(SimKD(), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(2, 5, 4, 4\) and teacher features \(2, 1, 4, 4\)"):
        value(loss, s, [t[0][:, :1]])
