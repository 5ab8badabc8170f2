"""Two tiny domains of images and networks for them, on which the tests of adaptation try it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.loss.ce import CE
from kdrun.loss.weight import Weight
from kdrun.method.transfer import Transfer
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.score.evaluate import example
from kdrun.train import Training
from kdrun.transfer import Source
from kdrun.transfer.adaptation import Adapt, Term, bind
from kdrun.types import Arrays, Batch, Loader, Outputs

NAMES = ["a", "b", "c"]


def said(n: int, wide: int = 5, classes: int = 3, seed: int = 0) -> Outputs:
    """Random float64 outputs for n samples."""
    generator = torch.Generator().manual_seed(seed)
    embedding = torch.randn(n, wide, generator=generator, dtype=torch.float64)
    logits = torch.randn(n, classes, generator=generator, dtype=torch.float64)
    return Outputs(logits, embedding)


def batch_of(outputs: Outputs) -> Batch:
    """A batch of as many samples, without labels."""
    n = len(outputs.logits)
    return Batch(torch.zeros(n, 1), torch.full((n,), -1), torch.arange(n))


def value(term: Term, source: Outputs, target: Outputs) -> Tensor:
    """The term between these outputs."""
    result: Tensor = term(source, target, batch_of(target))
    return result


def images(samples: int, seed: int, bright: int = 0) -> Arrays:
    """Noise around one of three patterns, brighter in another domain."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(samples) % 3
    noise = torch.randint(0, 90, (samples, 1, 6, 6), generator=generator)
    noise[torch.arange(samples), 0, 2 * label] += 100
    return Arrays((noise + bright).to(torch.uint8), label)


def net(seed: int = 0) -> Network:
    """A small convolution with batch norm and dropout."""
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(),
        nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3),
    )  # fmt: skip
    return Network(layers, head="8", mean=[0.5], std=[0.25])


def loader(split: Arrays, train: bool = False) -> Loader:
    """Batches of 16, a little shifted in training."""
    return make_loader(split, 16, seed=3, train=train, augment=Augment(crop_padding=1))


def adapting(
    terms: Mapping[str, Term], target: Arrays, epochs: int = 4, freeze_head: bool = False
) -> tuple[Training, Loader]:
    """A training as a run puts it together, and its batches."""
    strategy = Adapt(terms, dict.fromkeys(terms, 1.0), freeze_head=freeze_head)
    source = Source(loader(images(48, 1)), NAMES, NAMES, model=lambda: net(7))
    student = strategy(net(0), source, loader(target))
    batches = loader(target, train=True)
    if strategy.paired:
        batches = Paired(batches, loader(images(48, 1), train=True))
    assert strategy.adaptation is not None
    student.keep(strategy.adaptation.needs - {"logits"})
    torch.manual_seed(5)
    first = example(student, batches)
    strategy.adaptation.build(first, first, batches.targets)
    bind(strategy.adaptation, student, loader(target))
    method = Transfer(student, Objective({"ce": CE()}, {"ce": Weight(1.0)}), strategy)
    trained = [p for p in method.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    return Training(method, optimizer, scheduler), batches
