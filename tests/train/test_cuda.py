"""On a GPU: recorded steps come to the bits of eager ones, a resumed run to those of a whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch

from kdrun.config.schema import Steps, Train
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.loss.ce import CE
from kdrun.loss.weight import Weight
from kdrun.method import Method
from kdrun.method.supervised import Supervised
from kdrun.objective import Objective
from kdrun.train import NonFiniteLossError, Training, average
from kdrun.train.capture import Captured, Graphs, why_not
from kdrun.train.rates import kernels
from kdrun.types import Arrays, Loader
from tests.train import test_capture_dense as dense
from tests.train.test_capture import (
    AUGMENT,
    DENSE,
    LOSSES,
    TEXTS,
    adapt,
    data,
    distill,
    go,
    net,
    same,
)

CUDA = torch.device("cuda")
pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU"),
    pytest.mark.filterwarnings("default"),
]
EAGER = Train(epochs=3, progress=False, step=Steps.eager)
AUTO = Train(epochs=3, progress=False)


@pytest.fixture(autouse=True)
def _same_kernels() -> Iterator[None]:
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


def batches(split: Arrays) -> Loader:
    return make_loader(
        split, 5, seed=3, train=True, augment=AUGMENT, channels_last=True, device=CUDA
    )


def training(method: Method, settings: Train, kind: str = "sgd") -> Training:
    method = copy.deepcopy(method).to(CUDA)
    trained = [p for p in method.parameters() if p.requires_grad]
    optimizer: torch.optim.Optimizer
    if kind == "adamw":
        facts = kernels(torch.optim.AdamW, {}, CUDA)
        optimizer = torch.optim.AdamW(trained, lr=0.01, **facts)
    else:
        optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9, nesterov=True, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.05, total_steps=99, cycle_momentum=kind != "sgd"
    )
    ema = average(method.student, settings.ema) if settings.ema else None
    return Training(method, optimizer, schedule, ema)


def captured(state: Training, loader: Loader, settings: Train) -> Training:
    step = Captured(state, loader, settings, Graphs(CUDA))  # type: ignore[arg-type]
    go(state, loader, settings, step)
    assert step.recorder is not None, "a step waited for the device"
    assert step._recorded
    return state


def hold(method: Method, loader: Loader, kind: str = "sgd", **options: float) -> None:
    slow, fast = Train(**{**vars(EAGER), **options}), Train(**{**vars(AUTO), **options})  # type: ignore[arg-type]
    once, again = (go(training(method, slow, kind), loader, slow) for _ in range(2))
    recorded = training(method, fast, kind)
    if reason := why_not(recorded, loader):
        pytest.skip(reason)
    captured(recorded, loader, fast)
    if not same(once, again):
        pytest.skip("two eager runs differ here")
    assert same(once, recorded)


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in (*TEXTS, *DENSE)])
def test_every_loss(name):
    hold(distill(name, data()), batches(data()))


@pytest.mark.parametrize("name", ["cwd", "pairwise", "ifvd", "at"])
def test_maps(name):
    hold(dense.distill(name, dense.PIXELS), dense.batches(dense.PIXELS, device=CUDA))


@pytest.mark.parametrize("name", ["cdan", "dann", "deep_coral", "entropy", "jan", "mcc", "mmd"])
def test_terms_between_domains(name):
    target = data(28, bright=40)
    hold(adapt(name, target), Paired(batches(target), batches(data(52))))


@pytest.mark.parametrize("kind", ["sgd", "cycle", "adamw"])
def test_groups_clipping_averages(kind):
    hold(distill("kd", data(44)), batches(data(44)), kind, accumulate=2, ema=0.9, grad_clip=0.5)


def test_bfloat16():
    method = distill("kd", data())
    method.student.dtype = method.teacher.network.dtype = torch.bfloat16
    hold(method, batches(data()))


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_two_and_two_resumed_are_four(kind):
    method, loader = distill("crd", data()), batches(data())
    settings = Train(epochs=4, progress=False, ema=0.9)
    whole = captured(training(method, settings, kind), loader, settings)
    half = Train(**{**vars(settings), "epochs": 2})
    first = captured(training(method, half, kind), loader, half)
    second = training(method, settings, kind)
    torch.cuda.manual_seed(99)
    second.load(copy.deepcopy(first.state()))
    captured(second, loader, settings)
    assert same(whole, second)


def test_a_recorded_step_draws_anew():
    """Dropout hides other inputs in each repeat, so losses of one batch differ without a step."""
    method = Supervised(net(0), Objective({"ce": CE()}, {"ce": Weight(1.0)}))
    state = training(method, AUTO)
    state.optimizer.param_groups[0].update(lr=0.0, initial_lr=0.0)
    state.scheduler = torch.optim.lr_scheduler.ConstantLR(state.optimizer, 1.0)
    loader = batches(data())
    step = Captured(state, loader, AUTO, Graphs(CUDA))  # type: ignore[arg-type]
    method = state.method.train()
    step.begin(0)
    spot = next(iter(loader.spots(0)))  # type: ignore[attr-defined]
    totals = []
    for _ in range(9):
        step([spot], [0.0])
        totals.append(step.total.item())
    assert len(set(totals[4:])) > 1


def test_a_bad_loss_is_named_and_moves_nothing():
    method = Supervised(net(0), Objective({"ce": CE()}, {"ce": Weight(1.0)}))
    state, loader = training(method, AUTO), batches(data(105))
    step = Captured(state, loader, AUTO, Graphs(CUDA))  # type: ignore[arg-type]
    before: list[torch.Tensor] = []
    state.method.train()
    step.begin(0)
    for place, spot in enumerate(loader.spots(0)):  # type: ignore[attr-defined]
        if place == 8:
            loader.targets.fill_(1)
            with torch.no_grad():
                state.method.student.net[6].bias.fill_(float("nan"))
                before = [p.clone() for p in state.method.student.parameters()]
        step([spot], [place / 21])
    with pytest.raises(NonFiniteLossError, match="ce is not finite in epoch 1, batch 9 "):
        step.means()
    after = list(state.method.student.parameters())
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0))
