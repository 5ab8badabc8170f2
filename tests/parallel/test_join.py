"""Three processes train to the weights of one: whatever compares, remembers or draws in a batch."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from kdrun.config.schema import Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.loss import Loss
from kdrun.loss.ce import CE
from kdrun.loss.crd import CRD
from kdrun.loss.dist import DIST
from kdrun.loss.kd import KD
from kdrun.loss.mgd import MGD
from kdrun.loss.ofd import OFD
from kdrun.loss.rkd import RKD
from kdrun.loss.weight import Weight
from kdrun.method import Method
from kdrun.method.distill import Distill
from kdrun.method.ema import MeanTeacher
from kdrun.method.mutual import Mutual
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.parallel.join import join, shares
from kdrun.score.evaluate import example
from kdrun.task.classification import Classification
from kdrun.task.generation import Generation
from kdrun.teacher.network import Frozen
from kdrun.train import NonFiniteLossError, Training, average, train
from kdrun.types import Arrays, Batch, Outputs

SIZE = 3
SAMPLES = 50  # four batches, the last of 2: less than one for each process


def split(unlabelled: bool = False) -> Arrays:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (SAMPLES, 1, 8, 8), dtype=torch.uint8, generator=generator)
    targets = torch.arange(SAMPLES) % 3
    if unlabelled:
        targets[torch.rand(SAMPLES, generator=generator) < 0.5] = -1
    return Arrays(images, targets)


def net(seed: int, dropout: float = 0.0) -> Network:
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Flatten(), nn.Linear(24, 8), nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 3),
    )  # fmt: skip
    return Network(layers, stages=["2", "5"], mean=[0.5], std=[0.25])


def distil(student: Network, objective: Objective) -> Distill:
    loader = make_loader(split(), 16, seed=3, train=True)
    teacher = Frozen(net(1))
    student.keep(objective.needs)
    teacher.keep(objective.needs)
    objective.build(example(student, loader), example(teacher, loader), loader.targets)
    objective.prepare(teacher, loader)
    return Distill(student, teacher, objective)


class Bad(Loss):
    """Not finite for one sample, which one process runs."""

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        return (student.logits.sum(1) / (batch.index != 7)).mean()


Case = tuple[Callable[[Network, Objective], Method], dict[str, Callable[[], Loss]], dict[str, Any]]
CASES: dict[str, Case] = {
    "kd": (distil, {"kd": KD}, {"accumulate": 2, "grad_clip": 1.0, "ema": 0.5}),
    "rkd": (distil, {"rkd": RKD}, {}),
    "dist": (distil, {"dist": DIST}, {}),
    "crd": (distil, {"crd": partial(CRD, width=4, negatives=5)}, {}),
    "mgd": (distil, {"mgd": MGD}, {}),
    "ofd": (distil, {"ofd": OFD}, {}),
    "unlabelled": (distil, {"kd": KD}, {}),
    "mutual": (lambda student, terms: Mutual(student, {"twin": net(2)}, terms), {"kd": KD}, {}),
    "mean_teacher": (MeanTeacher, {"kd": KD}, {}),
}


def trained(case: str, together: bool, dropout: float = 0.0) -> dict[str, torch.Tensor]:
    """The state after four steps."""
    method, terms, options = CASES[case]
    settings = Train(epochs=1, **options)
    torch.manual_seed(0)
    losses: dict[str, Loss] = {"ce": CE(), **{name: make() for name, make in terms.items()}}
    student = net(0, dropout)
    objective = Objective(losses, dict.fromkeys(losses, Weight(0.5)))
    made = method(student, objective)
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    ema = average(made.student, settings.ema) if settings.ema else None
    state = Training(made, optimizer, scheduler, ema)
    data = split(unlabelled=case == "unlabelled")
    loader = make_loader(
        data, 16, seed=3, train=True, augment=Augment(flip=True, mixup=0.5 * (case == "kd")),
        task=Classification(("a", "b", "c")),
    )  # fmt: skip
    calls = (lambda student: {"val_accuracy": None}, lambda training: None)
    if together:
        calls = join(state, torch.device("cpu"), calls)
    train(state, loader, settings, 5, *calls)
    found = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    found |= {f"ema.{name}": tensor for name, tensor in state.student.state_dict().items()}
    return found | {"row": torch.tensor([v for k, v in state.history[0].items() if "loss" in k])}


class Speaks(nn.Module):
    """A language model that says the next token by the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 6)
        self.say = nn.Linear(6, 9)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.say(self.table(input_ids))
        return logits


class Counted(KD):
    """That of tokens, which counts how many of them it is given."""

    rows = 0

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        self.rows += len(student.logits)
        return super().forward(student, teacher, batch)


def spoken(together: bool) -> dict[str, torch.Tensor]:
    """The state after four batches of ragged texts, and how many tokens the loss compared."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 9, (SAMPLES, 7), generator=generator)
    lengths = torch.randint(1, 8, (SAMPLES, 1), generator=generator)
    targets = torch.where(torch.arange(7) < lengths, ids.roll(-1, 1), -1)
    targets[::5] = -1  # of some texts nothing counts
    task = Generation(vocabulary=9)
    texts = Arrays({"input_ids": ids}, targets, task=task)
    torch.manual_seed(0)
    student, teacher, term = Network(Speaks()), Frozen(Network(Speaks())), Counted(2.0)
    terms: dict[str, Loss] = {"ce": CE(label_smoothing=0.1), "kd": term}
    made = Distill(student, teacher, Objective(terms, dict.fromkeys(terms, Weight(0.5)), task))
    optimizer = torch.optim.SGD(student.parameters(), lr=0.5)
    state = Training(made, optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer))
    loader = make_loader(texts, 16, seed=3, train=True, task=task)
    calls: Any = (lambda student: {"val_nll": None}, lambda training: None)
    if together:
        calls = join(state, torch.device("cpu"), calls)
    train(state, loader, Train(epochs=1, accumulate=2), 5, *calls)
    found = {name: tensor.clone() for name, tensor in student.state_dict().items()}
    found["row"] = torch.tensor([v for k, v in state.history[0].items() if "loss" in k])
    return found | {"compared": torch.tensor(term.rows)}


def guarded(together: bool) -> str:
    CASES["bad"] = (distil, {"bad": Bad}, {})
    try:
        trained("bad", together)
    except NonFiniteLossError as error:
        return str(error)
    return "no error"


def rank(number: int, folder: Path) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=number, world_size=SIZE)
    found: dict[str, Any] = {case: trained(case, together=True) for case in CASES}
    found["dropout"] = trained("mgd", together=True, dropout=0.5)
    found["spoken"] = spoken(together=True)
    found["guard"] = guarded(together=True)
    torch.save(found, folder / f"{number}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    fork = multiprocessing.get_context("fork")  # they need not import everything again
    processes = [fork.Process(target=rank, args=(number, folder)) for number in range(SIZE)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * SIZE
    return [torch.load(folder / f"{number}.pt") for number in range(SIZE)]


@pytest.mark.parametrize("case", CASES)
def test_the_weights_are_those_of_one_process(ranks, case):
    alone = trained(case, together=False)
    moved = net(0).state_dict()
    for name, tensor in alone.items():
        for other in ranks:
            torch.testing.assert_close(other[case][name], tensor, rtol=1e-3, atol=3e-5, msg=name)
    steps = (alone["student.net.3.weight"] - moved["net.3.weight"]).abs().max()
    assert steps > 3e-3  # far more than the tolerance


def test_losses_of_tokens_are_summed_and_nobody_has_the_others_logits(ranks):
    alone = spoken(together=False)
    everywhere, all_of = [other["spoken"].pop("compared") for other in ranks], alone.pop("compared")
    assert max(everywhere) < 0.6 * all_of <= 0.6 * sum(everywhere)
    for name, tensor in alone.items():
        for other in ranks:
            torch.testing.assert_close(other["spoken"][name], tensor, rtol=1e-5, atol=1e-6)
            assert torch.equal(other["spoken"][name], ranks[0]["spoken"][name])


def test_all_processes_hold_the_same_bits(ranks):
    for case in (*CASES, "dropout"):
        for name, tensor in ranks[0][case].items():
            assert all(torch.equal(tensor, other[case][name]) for other in ranks), (case, name)


def test_a_bad_loss_of_one_sample_stops_all_with_the_same_words(ranks):
    told = {other["guard"] for other in ranks}
    assert told == {guarded(together=False)}
    assert "loss term bad is not finite in epoch 1" in told.pop()


def test_dropout_is_not_the_same_for_every_share(ranks):
    name = "student.net.3.weight"
    assert not torch.equal(ranks[0]["dropout"][name], ranks[0]["mgd"][name])


def test_shares_differ_by_one_at_most():
    assert shares(50, 3) == [17, 17, 16]
    assert shares(2, 3) == [1, 1, 0]
