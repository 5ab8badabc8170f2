"""Groups of batches are the large batch, whatever their sizes and however many labels they have."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from kdrun.config.schema import Steps, Train
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.loss.ce import CE
from kdrun.loss.dkd import DKD
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method import Method
from kdrun.method.distill import Distill
from kdrun.method.mutual import Mutual
from kdrun.method.transfer import Transfer
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.teacher.network import Frozen
from kdrun.train import Training, train
from kdrun.transfer import Strategy
from kdrun.types import Arrays


class Layers(nn.Module):
    """Two layers in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x.double())
        return found


def net(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network(Layers())


def rows(samples: int, hidden: int, seed: int = 0) -> Arrays:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(samples) % 3
    targets[torch.randperm(samples, generator=generator)[:hidden]] = -1
    return Arrays(torch.randn(samples, 6, generator=generator), targets)


def objective() -> Objective:
    losses = {"ce": CE(), "kd": KD(), "dkd": DKD()}
    return Objective(losses, {"ce": Weight(1.0), "kd": Weight(0.5), "dkd": Weight(0.3)})


def weights(method: Method, split: Arrays, size: int, group: int, step: Steps) -> torch.Tensor:
    method = copy.deepcopy(method)
    trained = [p for p in method.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.2, momentum=0.9)
    constant = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
    settings = Train(epochs=3, accumulate=group, progress=False, step=step)
    loader = make_loader(split, size, seed=1, train=True)
    if isinstance(method, Transfer):
        loader = Paired(loader, make_loader(rows(44, 9, seed=5), size, seed=1, train=True))
    state = Training(method, optimizer, constant)
    train(state, loader, settings, 0, lambda student: {}, lambda training: None)
    return torch.cat([p.detach().flatten() for p in trained])


@pytest.mark.parametrize("step", [Steps.eager, Steps.captured])
@pytest.mark.parametrize("hidden", [0, 13])
@pytest.mark.parametrize("samples", [24, 22])  # the last group is 4 + 2 of them
def test_groups_are_the_large_batch(samples, hidden, step):
    split = rows(samples, hidden)
    method = Distill(net(0), Frozen(net(1)), objective())
    whole = weights(method, split, 8, 1, Steps.eager)
    groups = weights(method, split, 4, 2, step)
    torch.testing.assert_close(groups, whole, rtol=0, atol=1e-12)


def test_each_peer_counts_likewise():
    split = rows(22, 13)
    method = Mutual(net(0), {"twin": net(1)}, objective())
    whole = weights(method, split, 8, 1, Steps.eager)
    groups = weights(method, split, 4, 2, Steps.eager)
    torch.testing.assert_close(groups, whole, rtol=0, atol=1e-12)


def test_groups_of_pairs_count_the_labels_of_the_source():
    plain = Objective({"ce": CE()}, {"ce": Weight(1.0)})
    method = Transfer(net(0), plain, Strategy())
    split = rows(44, 44, seed=3)
    whole = weights(method, split, 8, 1, Steps.eager)
    groups = weights(method, split, 4, 2, Steps.eager)
    torch.testing.assert_close(groups, whole, rtol=0, atol=1e-12)
