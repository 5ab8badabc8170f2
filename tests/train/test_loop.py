"""The loop: equalities, and what it does when a loss or the disk goes bad."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from kdrun.config.schema import Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.loss import Loss
from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.distill import Distill
from kdrun.method.supervised import Supervised
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.parallel.turns import Turn, Turns
from kdrun.run.side_by_side import InStep
from kdrun.teacher.in_common import Desk, InCommon
from kdrun.teacher.network import Frozen
from kdrun.train import NonFiniteLossError, Training, average, train
from kdrun.types import Arrays, Loader


def data(samples: int = 48) -> Arrays:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (samples, 1, 6, 6), dtype=torch.uint8, generator=generator)
    return Arrays(images, torch.arange(samples) % 3)


def net(seed: int) -> Network:
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(),
        nn.Linear(64, 3),
    )  # fmt: skip
    return Network(layers, mean=[0.5], std=[0.25])


def training(settings: Train, distil: bool = True) -> Training:
    terms: dict[str, Loss] = {"ce": CE(), "kd": KD()}
    if distil:
        objective = Objective(terms, {"ce": Weight(0.1), "kd": Weight(0.9, warmup=2)})
        method = Distill(net(0), Frozen(net(1)), objective)
    else:
        method = Supervised(net(0), Objective(terms, {"ce": Weight(1.0)}))
    trained = [p for p in method.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs)
    ema = average(method.student, settings.ema) if settings.ema else None
    return Training(method, optimizer, scheduler, ema)


def batches(split: Arrays, size: int) -> Loader:
    return make_loader(split, size, seed=3, train=True, augment=Augment(crop_padding=1, flip=True))


def go(state: Training, settings: Train, batch_size: int = 16, split: Arrays | None = None):
    loader = batches(split or data(), batch_size)
    train(state, loader, settings, 5, lambda student: {"val_accuracy": None}, lambda training: None)
    return state


def weights(state: Training) -> dict[str, torch.Tensor]:
    return {
        **state.method.state_dict(),
        **{f"ema.{k}": v for k, v in state.student.state_dict().items()},
    }


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def without_time(rows):
    return [
        {k: v for k, v in row.items() if k not in ("seconds", "samples_per_second")} for row in rows
    ]


@pytest.mark.parametrize("distil", [False, True])
def test_four_epochs_are_two_and_two_resumed(distil, tmp_path):
    settings = Train(epochs=4, accumulate=2, ema=0.9, progress=False)
    whole = go(training(settings, distil), settings)

    first = training(settings, distil)
    stop = {"after": 2}

    class Killed(BaseException):
        pass

    def after(state: Training) -> None:
        torch.save(state.state(), tmp_path / "state")
        if state.epoch == stop["after"]:
            raise Killed

    loader = make_loader(data(), 16, seed=3, train=True, augment=Augment(crop_padding=1, flip=True))
    with pytest.raises(Killed):
        train(first, loader, settings, 5, lambda student: {"val_accuracy": None}, after)

    second = training(settings, distil)
    torch.manual_seed(99)  # whatever happened since
    second.load(torch.load(tmp_path / "state", weights_only=True))
    go(second, settings)
    assert same(weights(whole), weights(second))
    assert without_time(whole.history) == without_time(second.history)


def test_trainings_by_turns_are_what_they_are_alone():
    # Dropout draws from one generator, one goes on from the second epoch, batch norm counts.
    ways = [
        Train(epochs=3, progress=False, accumulate=2),
        Train(epochs=3, progress=False, accumulate=2, ema=0.9),
        Train(epochs=4, progress=False, accumulate=2, grad_clip=0.1),
    ]
    alone = [go(training(settings), settings) for settings in ways]
    states = [training(settings) for settings in ways]
    go(states[2], replace(ways[2], epochs=1))
    desk, asked = Desk(Frozen(net(1)), window=2), list[int]()
    desk.teacher.register_forward_hook(lambda *told: asked.append(1))
    loader = InStep(batches(data(), 16), window=2)
    for state in states:
        state.method.teacher = InCommon(desk)

    def work(state: Training, settings: Train) -> Callable[[Turn], None]:
        calls = (lambda student: {"val_accuracy": None}, lambda training: None)
        return lambda turn: train(state, loader, settings, 5, *calls, turn=turn)

    Turns().run([work(state, one) for state, one in zip(states, ways, strict=True)])
    for one, other in zip(alone, states, strict=True):
        assert without_time(one.history) == without_time(other.history)
        assert same(student_of(one), student_of(other))
        assert other.step == "eager"
    assert len(asked) == 12  # three batches in four epochs


def student_of(state: Training) -> dict[str, torch.Tensor]:
    return {k: v for k, v in weights(state).items() if not k.startswith("teacher.")}


def test_the_teacher_does_not_move():
    settings = Train(epochs=2, progress=False)
    state = training(settings)
    before = copy.deepcopy(state.method.teacher.state_dict())
    go(state, settings)
    assert same(before, state.method.teacher.state_dict())
    assert not any(p.requires_grad for p in state.method.teacher.parameters())
    state.method.train()
    assert not any(module.training for module in state.method.teacher.modules())


def test_two_accumulated_halves_are_one_batch():
    """Without batch norm and dropout, the mean of two halves is the whole."""

    def plain(settings: Train) -> Training:
        torch.manual_seed(0)
        student = Network(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), mean=[0.5], std=[0.25])
        method = Supervised(student, Objective({"ce": CE()}, {"ce": Weight(1.0)}))
        optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
        return Training(method, optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0))

    whole = go(plain(Train()), Train(epochs=2, progress=False), batch_size=16)
    halves = go(plain(Train()), Train(epochs=2, accumulate=2, progress=False), batch_size=8)
    for a, b in zip(whole.method.parameters(), halves.method.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_last_group_of_an_epoch_may_be_smaller():
    settings = Train(epochs=1, accumulate=4, progress=False)
    steps = []
    state = training(settings, distil=False)
    state.optimizer.register_step_post_hook(lambda *_: steps.append(1))
    go(state, settings, batch_size=8)  # six batches: groups of four and two
    assert len(steps) == 2


def test_the_average_follows_its_formula():
    settings = Train(epochs=1, ema=0.5, progress=False)
    state = training(settings, distil=False)
    seen = []
    state.optimizer.register_step_post_hook(
        lambda *_: seen.append(state.method.student.net[5].weight.detach().clone())
    )
    go(state, settings)
    expected = seen[0]
    for weight in seen[1:]:
        expected = 0.5 * expected + 0.5 * weight
    torch.testing.assert_close(state.student.net[5].weight, expected)


def test_a_gradient_is_clipped():
    settings = Train(epochs=1, grad_clip=1e-3, progress=False)
    state = training(settings)
    norms = []
    state.optimizer.register_step_pre_hook(
        lambda optimizer, *_: norms.append(
            torch.stack([p.grad.norm() for g in optimizer.param_groups for p in g["params"]]).norm()
        )
    )
    go(state, settings)
    assert max(norms) <= 1.001e-3


def test_the_learning_rate_of_each_epoch_is_told():
    settings = Train(epochs=3, progress=False)
    rates = [row["learning_rate"] for row in go(training(settings), settings).history]
    assert rates[0] == 0.1
    assert all(a > b for a, b in pairwise(rates))


def test_terms_are_told_weighted_and_add_up():
    settings = Train(epochs=3, progress=False)
    for row in go(training(settings), settings).history:
        assert row["loss"] == pytest.approx(row["loss_ce"] + row["loss_kd"])


class Poison(Loss):
    """Turns bad at one batch."""

    def __init__(self, at: int, value: float) -> None:
        super().__init__()
        self.at, self.value, self.calls = at, value, 0

    def forward(self, student, teacher, batch):
        self.calls += 1
        bad = self.value if self.calls == self.at else 0.0
        return student.logits.sum() * 0 + bad


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bad_loss_stops_before_the_weights_are_touched(value):
    settings = Train(epochs=3, progress=False)
    state = training(settings, distil=False)
    terms = {"ce": CE(), "poison": Poison(5, value)}
    state.method.objective = Objective(terms, {"ce": Weight(1.0), "poison": Weight(2.0)})
    kept = []
    state.optimizer.register_step_post_hook(
        lambda *_: kept.append([p.detach().clone() for p in state.method.student.parameters()])
    )
    with pytest.raises(NonFiniteLossError, match=r"poison is not finite in epoch 2, batch 2 \(ce"):
        go(state, settings)
    assert len(kept) == 4  # three steps in the first epoch, one in the second
    after = state.method.student.parameters()
    assert all(torch.equal(a, b) for a, b in zip(kept[-1], after, strict=True))


def test_early_stopping_keeps_the_best_epoch():
    settings = Train(epochs=20, early_stop=2, progress=False)
    state = training(settings, distil=False)
    scores = iter([0.5, 0.7, 0.6, 0.6, 0.9])
    loader = make_loader(data(), 16, seed=3, train=True)
    train(
        state, loader, settings, 5, lambda student: {"val_accuracy": next(scores)}, lambda _: None
    )
    assert state.epoch == 4
    assert state.best["epoch"] == 2
