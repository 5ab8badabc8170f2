"""One step, by hand: what is followed, clipped, averaged and told."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR

from kdrun.config.schema import Train
from kdrun.dataset.loader import make_loader
from kdrun.loss.ce import CE
from kdrun.loss.weight import Weight
from kdrun.method.supervised import Supervised
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.train.guard import NonFiniteLossError
from kdrun.train.state import Training, average
from kdrun.train.step import Step, follow, let_join
from kdrun.types import Arrays, Batch

RATE = 0.5


def net(*more: nn.Module) -> Network:
    torch.manual_seed(0)
    return Network(nn.Sequential(nn.Linear(4, 3), *more))


def rows(samples: int = 12) -> Arrays:
    x = torch.randn(samples, 4, generator=torch.Generator().manual_seed(1))
    return Arrays(x, torch.arange(samples) % 3)


def training(ema: float = 0.0) -> Training:
    method = Supervised(net(), Objective({"ce": CE()}, {"ce": Weight(1.0)}))
    optimizer = torch.optim.SGD(method.parameters(), lr=RATE)
    mean = average(method.student, ema) if ema else None
    return Training(method, optimizer, ConstantLR(optimizer, 1.0), mean)


def step(state: Training, **settings: object) -> Step:
    made = Step(state, make_loader(rows(), 4, seed=0, train=False), Train(**settings))
    made.begin(0)
    return made


def gradient(split: Arrays) -> tuple[Tensor, Tensor]:
    """Of the mean cross-entropy of a linear layer as it is made: x weighted by p less the label."""
    layer = net().net[0]
    p = torch.softmax(split.inputs @ layer.weight.T + layer.bias, 1).detach()
    error = (p - torch.eye(3)[split.targets]) / len(split)
    return error.T @ split.inputs, error.sum(0)


def moved(state: Training) -> Tensor:
    """What the weights have moved by, less the learning rate."""
    found: Tensor = (net().net[0].weight - state.method.student.net[0].weight) / RATE
    return found.detach()


def test_a_step_follows_the_mean_gradient_of_its_batches() -> None:
    state = training()
    made = step(state)
    made([*made.items(0)], [0.0, 0.1, 0.2])
    torch.testing.assert_close(moved(state), gradient(rows())[0])
    assert all(p.grad is None for p in state.trained)


def test_a_clipped_gradient_keeps_its_direction() -> None:
    weight, bias = gradient(rows())
    norm = float(torch.cat([weight.flatten(), bias]).norm())
    state = training()
    made = step(state, grad_clip=norm / 4)
    made([*made.items(0)], [0.0] * 3)
    torch.testing.assert_close(moved(state), weight / 4, rtol=1e-4, atol=1e-6)


def test_the_mean_of_the_epoch_weighs_batches_by_their_samples() -> None:
    state = training()
    made = Step(state, make_loader(rows(6), 4, seed=0, train=False), Train())
    made.begin(0)
    made([*made.items(0)], [0.0, 0.5])  # of four samples and of two
    logits = net()(Batch(rows(6).inputs, rows(6).targets, torch.arange(6))).logits
    expected = nn.functional.cross_entropy(logits, rows(6).targets).item()
    assert made.means() == pytest.approx({"loss": expected, "loss_ce": expected})


def test_no_step_follows_a_bad_loss() -> None:
    state = training()
    made = step(state)
    bad = rows(4)
    bad.inputs[2, 0] = math.nan
    with pytest.raises(NonFiniteLossError, match="term ce is not finite in epoch 1, batch 2"):
        made([next(made.items(0)), Batch(bad.inputs, bad.targets, torch.arange(4))], [0.0, 0.5])
    assert moved(state).count_nonzero() == 0


def test_a_schedule_of_steps_moves_with_each_and_one_of_epochs_does_not() -> None:
    state = training()
    made = step(state)
    made([next(made.items(0))], [0.0])
    assert state.scheduler.last_epoch == 0
    state.scheduler = OneCycleLR(state.optimizer, RATE, total_steps=4)
    made([next(made.items(0))], [0.0])
    assert state.scheduler.last_epoch == 1


def test_the_average_counts_steps_and_not_batches() -> None:
    state = training(ema=0.9)
    made = step(state)
    for _ in range(2):
        made([*made.items(0)], [0.0] * 3)
    assert state.ema is not None
    assert int(state.ema.n_averaged) == 2
    assert made.averaging


def test_following_is_what_torch_does() -> None:
    torch.manual_seed(3)
    student = net(nn.BatchNorm1d(3))
    ours, theirs = average(student, 0.8), average(student, 0.8)
    for begun in (False, True, True):
        with torch.no_grad():
            for tensor in (*student.parameters(), student.net[1].running_mean):
                tensor.add_(torch.randn_like(tensor))
        follow(ours, student, begun)
        ours.n_averaged += 1
        theirs.update_parameters(student)
    expected, found = theirs.state_dict(), ours.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_parameter_may_join_a_fused_optimizer_later() -> None:
    found = []
    for fused in (False, True):
        early, late = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
        optimizer = torch.optim.SGD([early, late], lr=0.5, momentum=0.5, fused=fused)
        for number in range(3):
            early.grad = torch.ones(2)
            late.grad = torch.ones(2) if number else None
            let_join(optimizer)
            optimizer.step()
        found.append(torch.cat([early, late]).detach())
    assert torch.equal(*found)
