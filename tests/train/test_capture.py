"""A recorded step comes to the same bits as an eager one, for every loss and method."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from kdrun.config.instantiate import call
from kdrun.config.schema import Steps, Train, folder
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.loss import Loss
from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight, parse
from kdrun.method import Method
from kdrun.method.distill import Distill
from kdrun.method.ema import MeanTeacher
from kdrun.method.mutual import Mutual
from kdrun.method.supervised import Supervised
from kdrun.method.transfer import Transfer
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.task.classification import Classification
from kdrun.teacher.network import Frozen
from kdrun.train import Training, average, train
from kdrun.train.capture import Captured, choose, why_not
from kdrun.train.rates import Rates
from kdrun.train.step import Step
from kdrun.transfer.adaptation import Adapt, bind
from kdrun.transfer.fine_tune import FineTune
from kdrun.types import Arrays, Loader
from tests.train.tape import Held, Tapes

LOSSES = sorted(p.stem for p in (folder() / "loss").glob("*.yaml"))
DENSE = ("cirkd", "cwd", "ifvd", "fgd", "response", "crosskd")
"""What compares the pixels of pictures, or boxes in them."""

TEXTS = ("minilm",)  # of attention, which these networks have not
TERMS = (
    "bsp",
    "cdan",
    "dann",
    "deep_coral",
    "entropy",
    "jan",
    "mcc",
    "mmd",
    "self_training",
    "shot",
)
FEW: dict[str, dict[str, Any]] = {"crd": {"negatives": 8, "width": 4}, "ft": {"epochs": 1}}
THREE = Classification(("a", "b", "c"))
AUGMENT = Augment(crop_padding=1, flip=True, rotate=10, cutout=2)


def data(samples: int = 28, bright: int = 0) -> Arrays:
    generator = torch.Generator().manual_seed(bright)
    label = torch.arange(samples) % 3
    images = torch.randint(0, 90, (samples, 3, 8, 8), generator=generator)
    images[torch.arange(samples), label] += 100
    return Arrays((images + bright).to(torch.uint8), label)


def batches(split: Arrays, **augment: Any) -> Loader:
    view = Augment(**augment) if augment else AUGMENT
    return make_loader(split, 5, seed=3, train=True, augment=view, channels_last=True, task=THREE)


def net(seed: int, width: int = 4, fields: tuple[str, ...] = ()) -> Network:
    torch.manual_seed(seed)
    layers = nn.Sequential(*(
        nn.Sequential(nn.Conv2d(i, o, 3, s, 1), nn.BatchNorm2d(o), nn.ReLU())
        for i, o, s in ((3, width, 2), (width, width, 2), (width, width, 1))
    ), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(width, 3))  # fmt: skip
    made = Network(layers, stages=["0", "1", "2"], head="6", mean=[0.5] * 3, std=[0.25] * 3)
    made.keep(fields)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def terms(name: str, group: str = "loss") -> tuple[dict[str, Loss], dict[str, Weight]]:
    section = yaml.safe_load((Path(folder()) / group / f"{name}.yaml").read_text())
    own = section.get("terms", {}).items()
    found = {
        key: call(one | FEW.get(key, {}), "loss" if group == "loss" else "term")
        for key, one in own
        if key != "ce"
    }
    weights = {key: parse(weight) for key, weight in section["weights"].items()}
    return {"ce": CE(), **found}, weights


def distill(name: str, split: Arrays) -> Distill:
    losses, weights = terms(name)
    weights |= {"ce": Weight(1.0, warmup=2.0)}
    objective = Objective(losses, weights)
    student, teacher = net(0, 4, (*objective.needs,)), Frozen(net(1, 4, (*objective.needs,)))
    first = next(iter(batches(split).epoch(0)))
    student.eval(), teacher.eval()
    with torch.no_grad():
        said, taught = student(first), teacher(first)
    objective.build(said, taught, split.targets)
    objective.prepare(teacher, batches(split))
    return Distill(objective.deploy(student), teacher, objective)


def adapt(name: str, split: Arrays) -> Transfer:
    losses, weights = terms(name, "transfer")
    strategy = Adapt({k: v for k, v in losses.items() if k != "ce"}, dict.fromkeys(weights, 1.0))  # type: ignore[misc]
    assert strategy.adaptation is not None
    student = net(0, 4, (*strategy.adaptation.needs,))
    loader = make_loader(split, 5, seed=0, train=False)
    with torch.no_grad():
        said = student.eval()(next(iter(loader.epoch(0))))
    strategy.adaptation.build(said, said, split.targets)
    bind(strategy.adaptation, student, loader)
    return Transfer(student, Objective({"ce": CE()}, {"ce": Weight(1.0)}), strategy)


def training(method: Method, settings: Train, kind: str = "sgd", fused: bool = False) -> Training:
    trained = [p for p in method.parameters() if p.requires_grad]
    optimizer: torch.optim.Optimizer
    if kind in ("sgd", "cycle"):
        optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9, nesterov=True, fused=fused)
    else:
        optimizer = torch.optim.AdamW(trained, lr=0.01, weight_decay=0.1, fused=fused)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.05, total_steps=99, cycle_momentum=kind != "sgd"
    )
    ema = average(method.student, settings.ema) if settings.ema else None
    return Training(method, optimizer, schedule, ema)


def go(state: Training, loader: Loader, settings: Train, step: Step | None = None) -> Training:
    train(state, loader, settings, 5, lambda student: {}, lambda training: None, step)
    return state


def same(a: Training, b: Training) -> bool:
    def all_of(state: Training) -> dict[str, torch.Tensor]:
        mean = state.ema.state_dict() if state.ema is not None else {}
        return {**state.method.state_dict(), **{f"ema.{k}": v for k, v in mean.items()}}

    ours, theirs = all_of(a), all_of(b)
    losses = [[row[k] for k in sorted(row) if k.startswith("loss")] for row in a.history]
    others = [[row[k] for k in sorted(row) if k.startswith("loss")] for row in b.history]
    return losses == others and all(torch.equal(ours[key], theirs[key]) for key in ours)


def hold(method: Method, loader: Loader, settings: Train, kind: str = "sgd") -> None:
    """Hold three ways against each other; where a method cannot be recorded, two."""
    slow = Train(**{**vars(settings), "step": Steps.eager})
    eager = go(training(copy.deepcopy(method), settings, kind), loader, slow)
    still = training(copy.deepcopy(method), settings, kind)
    go(still, loader, settings, Captured(still, loader, settings, None))  # type: ignore[arg-type]
    assert same(eager, still)
    if why_not(still, loader):
        return
    eager = training(copy.deepcopy(method), settings, kind, fused=True)
    step = Held(eager, loader, slow)
    step.rates = Rates(eager.optimizer, torch.device("cpu"), always=True)  # as on a GPU
    go(eager, loader, slow, step)
    taped, tapes = training(copy.deepcopy(method), settings, kind, fused=True), Tapes()
    go(taped, loader, settings, Captured(taped, loader, settings, tapes))  # type: ignore[arg-type]
    assert tapes.repeats > 2
    assert same(eager, taped)


SETTINGS = Train(epochs=3, progress=False, step=Steps.captured)


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in (*TEXTS, *DENSE)])
def test_every_loss(name):
    hold(distill(name, data(23)), batches(data(23)), SETTINGS)


@pytest.mark.parametrize("name", TERMS)
def test_every_term_between_domains(name):
    target = data(28, bright=40)
    hold(adapt(name, target), Paired(batches(target), batches(data(52))), SETTINGS)


@pytest.mark.parametrize("kind", ["sgd", "cycle", "adamw"])
def test_clipping_averages_groups_and_mixup(kind):
    settings = Train(
        epochs=3, progress=False, step=Steps.captured, accumulate=2, ema=0.9, grad_clip=0.5
    )
    hold(distill("kd", data(44)), batches(data(44), mixup=0.4, flip=True), settings, kind)


def objective() -> Objective:
    weights = {"ce": Weight(1.0), "kd": Weight(0.5, start=1.3, warmup=0.5)}  # joins in mid-epoch
    return Objective({"ce": CE(), "kd": KD()}, weights)


def test_methods_without_a_teacher():
    loader = batches(data())
    hold(MeanTeacher(net(0), objective()), loader, SETTINGS)
    hold(Mutual(net(0), {"twin": net(1)}, objective()), loader, SETTINGS)
    hold(Supervised(net(0), Objective({"ce": CE()}, {"ce": Weight(1.0)})), loader, SETTINGS)


def test_layers_that_thaw():
    strategy = FineTune(unfreeze=1, freeze_statistics=True)
    method = Transfer(net(0), Objective({"ce": CE()}, {"ce": Weight(1.0)}), strategy)
    hold(method, batches(data()), SETTINGS)


class Elsewhere(Loss):
    """As somebody would write one."""

    __module__ = "somebody.losses"

    def forward(self, student, teacher, batch):
        return student.logits.square().mean() * self.progress


def test_what_cannot_be_recorded_says_why():
    loader = batches(data())
    settings = Train(progress=False)

    def asked(method: Method, **options: Any) -> str:
        return why_not(training(method, settings), loader, **options)

    assert asked(distill("kd", data())) == ""
    assert asked(distill("kdsvd", data())).startswith("KDSVD: the solver for singular vectors")
    foreign = Supervised(net(0), Objective({"x": Elsewhere()}, {"x": Weight(1.0)}))
    assert asked(foreign) == "Elsewhere does not say that it can be recorded (capturable = True)"
    assert asked(foreign, trusted=True) == ""
    Elsewhere.capturable = False
    assert asked(foreign, trusted=True) == "Elsewhere says that it cannot be recorded"


def test_what_is_chosen(caplog):
    caplog.set_level("INFO")
    loader = batches(data())
    state = training(distill("kdsvd", data()), SETTINGS)
    assert type(choose(state, loader, SETTINGS)) is Step
    assert "run eagerly: KDSVD: the solver" in caplog.text
    able = training(distill("kd", data()), SETTINGS)
    assert isinstance(choose(able, loader, SETTINGS), Captured)
    assert type(choose(able, loader, Train())) is Step  # on a CPU
    assert choose(able, loader, SETTINGS).kind == "captured"
    assert choose(able, loader, Train()).kind == "eager"
