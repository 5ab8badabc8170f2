"""What a checkpoint holds is all that changes, and nothing that does not."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.distill import Distill
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.teacher.network import Frozen
from kdrun.train.state import Training, average
from kdrun.types import Batch


def net(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)))


def training(seed: int = 0, teacher: int = 1, fused: bool | None = None) -> Training:
    objective = Objective({"ce": CE(), "kd": KD()}, {"ce": Weight(1.0), "kd": Weight(1.0)})
    method = Distill(net(seed), Frozen(net(teacher)), objective)
    trained = [p for p in method.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1, momentum=0.9, fused=fused)
    schedule = CosineAnnealingLR(optimizer, 5)
    return Training(method, optimizer, schedule, average(method.student, 0.5))


def step(state: Training, seed: int) -> None:
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))
    batch = Batch(x, torch.arange(6) % 3, torch.arange(6))
    torch.stack([*state.method(batch).values()]).sum().backward()
    state.optimizer.step()
    state.optimizer.zero_grad()
    state.scheduler.step()
    assert state.ema is not None
    state.ema.update_parameters(state.method.student)
    state.epoch += 1
    state.history.append({"epoch": state.epoch, "loss": 0.5})


def on_disk(state: dict[str, object]) -> dict[str, object]:
    """As it comes back from a file of tensors and plain values."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    found: dict[str, object] = torch.load(file, weights_only=True)
    return found


def numbers(state: Training) -> dict[str, Tensor]:
    averaged = {f"mean.{name}": value for name, value in state.student.state_dict().items()}
    return {**state.method.student.state_dict(), **averaged}


def test_two_steps_and_two_after_a_checkpoint_are_four() -> None:
    whole, begun, resumed = training(), training(), training(seed=7)
    for seed in range(4):
        step(whole, seed)
    for seed in range(2):
        step(begun, seed)
    resumed.load(on_disk(begun.state()))
    for seed in (2, 3):
        step(resumed, seed)
    expected, found = numbers(whole), numbers(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert resumed.epoch == 4
    assert resumed.history == whole.history
    assert resumed.optimizer.param_groups[0]["lr"] == whole.optimizer.param_groups[0]["lr"]


def test_the_frozen_teacher_is_not_in_it_and_stays_that_of_the_run() -> None:
    begun, resumed = training(), training(teacher=5)
    before = copy.deepcopy(resumed.method.teacher.state_dict())
    state = begun.state()
    assert not any(name.startswith("teacher.") for name in state["method"])
    resumed.load(state)
    after = resumed.method.teacher.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_of_another_student_is_no_state() -> None:
    state = training().state()
    state["method"] = {k: v for k, v in state["method"].items() if not k.endswith("bias")}
    with pytest.raises(AssertionError):
        training().load(state)


def test_how_a_step_is_computed_is_this_devices_affair() -> None:
    other, own = training(fused=True), training(fused=False)
    step(other, 0)
    own.load(other.state())
    assert own.optimizer.param_groups[0]["fused"] is False
    assert own.optimizer.param_groups[0]["momentum"] == 0.9


def test_the_network_that_counts_is_the_average_if_there_is_one() -> None:
    state = training()
    assert state.ema is not None
    assert state.student is state.ema.module
    state.ema = None
    assert state.student is state.method.student


def test_an_average_forgets_by_its_decay_and_copies_buffers() -> None:
    student = net(0)
    mean, decay, expected = average(student, 0.75), 0.75, 0.0
    name = next(name for name, _ in student.named_parameters())
    for number in range(1, 4):
        with torch.no_grad():
            student.get_parameter(name).fill_(number)
        student.get_buffer("net.1.running_mean").fill_(10 * number)
        mean.update_parameters(student)
        expected = number if number == 1 else decay * expected + (1 - decay) * number
    assert mean.module.get_parameter(name).detach().flatten()[0].item() == pytest.approx(expected)
    assert float(mean.module.get_buffer("net.1.running_mean")[0]) == 30.0


def test_of_equal_epochs_the_first_is_the_best_and_its_weights_are_kept_as_they_were() -> None:
    state = training()
    state.ema = None
    for epoch, accuracy in enumerate((0.5, 0.8, 0.8, 0.7), start=1):
        state.epoch = epoch
        for parameter in state.trained:
            nn.init.constant_(parameter, epoch)
        state.remember_best(accuracy)
    assert (state.best["accuracy"], state.best["epoch"]) == (0.8, 2)
    assert {
        float(value.flatten()[0]) for n, value in state.best["weights"].items() if "net.0" in n
    } == {2.0}


def test_a_schedule_that_was_told_the_number_of_steps_counts_them() -> None:
    state = training()
    assert not state.counts_steps
    state.scheduler = OneCycleLR(state.optimizer, 0.1, total_steps=9)
    assert state.counts_steps


def test_all_groups_of_the_optimizer_are_trained() -> None:
    state, more = training(), nn.Parameter(torch.zeros(1))
    count = len(state.trained)
    state.optimizer.add_param_group({"params": [more]})
    assert len(state.trained) == count + 1
    assert state.trained[-1] is more
