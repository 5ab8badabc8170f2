"""What every term promises, over every configs/transfer/*.yaml that has terms."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from kdrun.config.instantiate import call
from kdrun.config.schema import Train
from kdrun.train import Training, train
from kdrun.transfer.adaptation import Adapt, Term, both
from kdrun.types import Batch
from tests.transfer.domains import adapting, images, loader, net, said, value

CONFIGS = {path.stem: OmegaConf.load(path) for path in Path("configs/transfer").glob("*.yaml")}
TERMS = sorted(name for name, config in CONFIGS.items() if "terms" in config)
SETTINGS = Train(epochs=4, progress=False)


def term_of(name: str) -> Term:
    config: dict[str, Any] = OmegaConf.to_container(CONFIGS[name])  # type: ignore[assignment]
    if name == "self_training":  # or nobody is sure of anything in so short a training
        config["terms"][name]["threshold"] = 0.4
    term: Term = call(config["terms"][name], "term")
    return term


def go(state: Training, batches: Any, stop: int = SETTINGS.epochs) -> Training:
    class Stopped(BaseException):
        pass

    def after(training: Training) -> None:
        if training.epoch == stop < SETTINGS.epochs:
            raise Stopped

    with suppress(Stopped):
        train(state, batches, SETTINGS, 5, lambda student: {"val_accuracy": None}, after)
    return state


def begun(name: str, target: Any = None) -> tuple[Training, Any]:
    frozen = bool(CONFIGS[name].get("freeze_head"))
    target = images(48, 2, 60) if target is None else target
    return adapting({name: term_of(name)}, target, SETTINGS.epochs, frozen)


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_each_has_a_yaml_of_its_name() -> None:
    assert len(TERMS) >= 10
    for name in TERMS:
        assert CONFIGS[name].name == name
        assert [*CONFIGS[name].terms] == [*CONFIGS[name].weights] == [name]


@pytest.mark.parametrize("name", TERMS)
def test_it_is_finite_and_moves_the_student(name: str) -> None:
    state, batches = begun(name)
    before = copy.deepcopy(state.method.student.state_dict())
    go(state, batches)
    after = state.method.student.state_dict()
    assert not same(before, after)
    assert all(f"loss_{name}" in row for row in state.history)
    assert ("loss_ce" in state.history[0]) == state.method.strategy.paired


@pytest.mark.parametrize("name", ["bsp", "deep_coral", "entropy"])
def test_its_gradient_is_that_of_finite_differences(name: str) -> None:
    """Of those in which nothing is reversed, and no weight or bandwidth held fixed."""
    source, target = said(5), said(7, seed=1)
    assert target.embedding is not None

    def of(logits: Tensor, embedding: Tensor) -> Tensor:
        return value(term_of(name), source, target._replace(logits=logits, embedding=embedding))

    leaves = (target.logits.requires_grad_(), target.embedding.requires_grad_())
    assert torch.autograd.gradcheck(of, leaves)


@pytest.mark.parametrize("name", TERMS)
def test_labels_of_the_target_change_nothing(name: str) -> None:
    """All, none or wrong ones: the same weights, bit for bit."""
    target = images(48, 2, 60)
    found = []
    for labels in (target.targets, torch.full((48,), -1), (target.targets + 1) % 3):
        state, batches = begun(name, replace(target, targets=labels))
        found.append(go(state, batches).method.state_dict())
    assert same(found[0], found[1])
    assert same(found[0], found[2])


@pytest.mark.parametrize("name", TERMS)
def test_four_epochs_are_two_and_two_resumed(name: str, tmp_path: Path) -> None:
    whole, batches = begun(name)
    go(whole, batches)
    first, batches = begun(name)
    go(first, batches, stop=2)
    torch.save(first.state(), tmp_path / "state")
    second, batches = begun(name)
    torch.manual_seed(99)  # whatever happened since
    second.load(torch.load(tmp_path / "state", weights_only=True))
    go(second, batches)
    assert same(whole.method.state_dict(), second.method.state_dict())
    losses = [[row[f"loss_{name}"] for row in training.history] for training in (whole, second)]
    assert losses[0] == losses[1]


def test_a_frozen_head_stays_the_source_s() -> None:
    state, batches = begun("shot")
    before = copy.deepcopy(state.method.student.net[8].state_dict())
    assert same(before, net(7).net[8].state_dict())
    go(state, batches)
    assert same(before, state.method.student.net[8].state_dict())


def test_several_terms_are_one_training() -> None:
    state, batches = adapting({"dann": term_of("dann"), "mcc": term_of("mcc")}, images(48, 2))
    row = go(state, batches).history[-1]
    assert row["loss"] == pytest.approx(row["loss_ce"] + row["loss_dann"] + row["loss_mcc"])


def sides() -> tuple[Batch, Batch]:
    """A batch of the target, with one of the source beside it; and both as one."""
    target = next(iter(loader(images(12, 1)).epoch(0)))
    beside = next(iter(loader(images(5, 2, 90)).epoch(0)))
    assert isinstance(target.input, Tensor)
    assert isinstance(beside.input, Tensor)
    together = Batch(torch.cat([beside.input, target.input]), torch.zeros(17), torch.arange(17))
    return target._replace(source=beside), together


def test_joint_is_one_pass_over_both_domains() -> None:
    student, twin = net().train(), net().train()
    batch, together = sides()
    torch.manual_seed(0)  # of dropout
    pair = both(student, batch, "joint")
    torch.manual_seed(0)
    logits = twin(together).logits
    torch.testing.assert_close(torch.cat([*(side.logits for side in pair)]), logits)
    assert same(student.state_dict(), twin.state_dict())


def test_separate_is_a_pass_over_each_of_which_the_target_s_statistics_stay() -> None:
    student, twin = net().train(), net().train()
    batch, _ = sides()
    assert batch.source is not None
    torch.manual_seed(0)
    pair = both(student, batch)
    torch.manual_seed(0)
    torch.testing.assert_close(pair.source.logits, net_in_training(batch.source))
    torch.testing.assert_close(pair.target.logits, twin(batch).logits)
    assert student.net[1].momentum == twin.net[1].momentum == 0.1
    buffers = dict(student.named_buffers())
    for name, expected in twin.named_buffers():
        if "running" in name:
            torch.testing.assert_close(buffers[name], expected)


def net_in_training(batch: Batch) -> Tensor:
    """What a fresh network says."""
    before = torch.get_rng_state()
    fresh = net().train()
    torch.set_rng_state(before)
    logits: Tensor = fresh(batch).logits
    return logits


def test_a_mistyped_batch_norm_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'separate'"):
        Adapt({"mcc": term_of("mcc")}, {"mcc": 1.0}, batch_norm="seperate")  # type: ignore[arg-type]
