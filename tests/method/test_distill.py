"""A student learns from a teacher, which does not learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.distill import Distill
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs


def net(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network(nn.Sequential(nn.Linear(4, 3)))


def objective() -> Objective:
    weights = {"ce": Weight(0.5), "kd": Weight(2.0, start=1.0)}
    return Objective({"ce": CE(), "kd": KD(temperature=3.0)}, weights)


def batch() -> Batch:
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    return Batch(x, torch.arange(6) % 3, torch.arange(6))


def test_its_losses_are_the_weighted_terms_between_the_two() -> None:
    student, teacher = net(0), net(1)
    method = Distill(student, Frozen(teacher), objective())
    method.at(1.0, 3)
    losses = method(batch())
    s, t = (torch.log_softmax(n.net(batch().input) / 3, 1) for n in (student, teacher))
    kl = (t.exp() * (t - s)).sum(1).mean()
    labels = torch.log_softmax(student.net(batch().input), 1)[torch.arange(6), batch().target]
    assert losses["ce"].item() == pytest.approx(-0.5 * labels.mean().item())
    assert losses["kd"].item() == pytest.approx(2.0 * 9 * kl.item(), rel=1e-5)


def test_a_term_is_there_from_its_epoch_on() -> None:
    method = Distill(net(0), Frozen(net(1)), objective())
    method.at(0.5, 3)
    assert list(method(batch())) == ["ce"]
    assert method.terms() == ["ce", "kd"]


def test_the_student_moves_and_the_teacher_does_not() -> None:
    method = Distill(net(0), Frozen(net(1)), objective())
    method.at(1.0, 3)
    torch.stack([*method(batch()).values()]).sum().backward()
    assert all(p.grad is not None for p in method.student.parameters())
    assert all(p.grad is None for p in method.teacher.parameters())


def test_the_teacher_is_asked_first_and_once() -> None:
    seen: list[str] = []

    class Says(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name, self.weight = name, nn.Parameter(torch.zeros(6, 3))

        def forward(self, batch: Batch) -> Outputs:
            seen.append(self.name)
            logits: Tensor = self.weight + 0.0
            return Outputs(logits)

    method = Distill(Says("student"), Says("teacher"), objective())
    method.at(1.0, 3)
    method(batch())
    assert seen == ["teacher", "student"]


def test_a_teacher_hears_of_each_epoch_if_it_listens() -> None:
    heard: list[int] = []

    class Listens(Frozen):
        def begin_epoch(self, epoch: int) -> None:
            heard.append(epoch)

    Distill(net(0), Listens(net(1)), objective()).begin_epoch(4)
    assert heard == [4]
    Distill(net(0), net(1), objective()).begin_epoch(4)  # a plain network does not
