"""One step: forward, losses, backward, guard, optimizer, average."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.swa_utils import AveragedModel

from kdrun.config.schema import Train
from kdrun.dataset.spot import Spot
from kdrun.train.guard import Meter, guard_of
from kdrun.train.rates import Rates
from kdrun.train.shares import Shares, all_labelled
from kdrun.train.state import Row, Training
from kdrun.types import Batch, Loader

Item = Batch | Spot


class Step:
    """What happens with the batches that lead to one step of the optimizer, as the lines stand.

    Args:
        training: what is trained.
        loader: its batches.
        settings: of the loop.
    """

    def __init__(self, training: Training, loader: Loader, settings: Train) -> None:
        self.training, self.loader, self.settings = training, loader, settings
        device = loader.targets.device
        self.meter = Meter(training.method.terms(), device)
        self.guard = guard_of(self.meter)
        self.rates = Rates(training.optimizer, device)
        self.trained = training.trained
        self.complete = all_labelled(loader, training.method.objective.task)
        self.total = torch.zeros((), device=device)
        self.batches = 0
        self.averaging = False

    @property
    def kind(self) -> str:
        """How steps are carried out, in a word for the record."""
        return "eager"

    def begin(self, epoch: int) -> None:
        """Start an epoch."""
        self.meter.begin()
        self.guard.begin(epoch)
        self.batches = 0
        ema = self.training.ema
        self.averaging = ema is not None and bool(ema.n_averaged > 0)

    def items(self, epoch: int) -> Iterator[Item]:
        """What an epoch's steps are made of, in order."""
        return self.loader.epoch(epoch)

    def __call__(self, items: Sequence[Item], moments: Sequence[float]) -> None:
        """Step once, by the mean gradient of some batches.

        Args:
            items: of `items`.
            moments: how many epochs are over at each of them, with fractions.

        Raises:
            NonFiniteLossError: the loss of a batch was not finite; not at once on every device.
        """
        self.rates.write()
        for names, item in zip(self.execute(items, moments), items, strict=True):
            self.meter.count(names, len(item.index))
            self.batches += 1
            self.guard.look(self.batches)
        if self.training.ema is not None:
            self.training.ema.n_averaged += 1  # on the host: a recorded step does not count
            self.averaging = True
        if self.training.counts_steps:
            self.training.scheduler.step()

    def execute(self, items: Sequence[Item], moments: Sequence[float]) -> list[tuple[str, ...]]:
        """Carry a step out; returns the names of the terms of each batch."""
        return self.carry_out(items, moments)

    def draw(self, item: Item, place: int) -> Batch:
        """The batch of an item, the `place`-th of its step."""
        assert isinstance(item, Batch)
        return item

    def tell(self, item: Item, place: int, moment: float) -> None:
        """Tell all of the moment of an item, the `place`-th of its step."""
        self.training.method.at(moment, self.settings.epochs)

    def carry_out(self, items: Sequence[Item], moments: Sequence[float]) -> list[tuple[str, ...]]:
        """What the device does in a step; returns the names of the terms of each batch."""
        told = self.gradients(items, moments)
        self.follow_gradients()
        return told

    def gradients(self, items: Sequence[Item], moments: Sequence[float]) -> list[tuple[str, ...]]:
        """The first part of a step, up to the gradients that it follows."""
        training, told = self.training, []
        batches = [self.draw(item, place) for place, item in enumerate(items)]
        shares = Shares(training.method, batches, self.complete)
        for place, (item, moment) in enumerate(zip(items, moments, strict=True)):
            self.tell(item, place, moment)
            losses = training.method(batches[place])
            names, values = tuple(losses), torch.stack(list(losses.values()))
            total = values.sum()
            self.watch(names, values.detach(), total.detach(), len(item.index))
            shares.of(place, losses, total).backward()
            training.method.after_backward()
            told.append(names)
        if training.together is not None:
            training.together(self.trained)
        if self.settings.grad_clip:
            nn.utils.clip_grad_norm_(self.trained, self.settings.grad_clip)
        return told

    def follow_gradients(self) -> None:
        """The second part of a step: the optimizer and all who follow it."""
        training = self.training
        let_join(training.optimizer)
        with self.rates.lent():
            self.guard.step(training.optimizer)
        training.optimizer.zero_grad(set_to_none=True)
        training.method.after_step()
        if training.ema is not None:
            follow(training.ema, training.method.student, begun=self.averaging)

    def watch(self, names: tuple[str, ...], values: Tensor, total: Tensor, samples: int) -> None:
        """Let meter and guard see the losses of a batch before they are followed."""
        self.total.copy_(total)
        self.meter.add(names, values, samples)
        self.guard.see(names, values, total)

    def means(self) -> Row:
        """The mean of the loss and of each term over the epoch.

        Raises:
            NonFiniteLossError: a loss was not finite.
        """
        self.guard.look(0)
        return self.meter.means()


def let_join(optimizer: Optimizer) -> None:
    """Give parameters that are trained from now on the momentum of those that always were: none.

    torch's fused SGD cannot begin with some of its parameters later than with others.
    """
    for group in optimizer.param_groups:
        if not (isinstance(optimizer, SGD) and group["fused"] and group["momentum"]):
            continue
        moved = [p for p in group["params"] if p.grad is not None]
        late = [p for p in moved if optimizer.state[p].get("momentum_buffer") is None]
        for parameter in late if len(late) < len(moved) else ():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


@torch.no_grad()
def follow(ema: AveragedModel, student: nn.Module, begun: bool) -> None:
    """What `AveragedModel.update_parameters` does but for the count, without its questions.

    Args:
        ema: the average.
        student: what it follows.
        begun: whether it has followed before; the first time it becomes the same.
    """
    together: dict[tuple[torch.device, torch.dtype], tuple[list[Tensor], list[Tensor]]] = {}
    for mean, own in zip(ema.module.parameters(), student.parameters(), strict=True):
        means, owns = together.setdefault((mean.device, mean.dtype), ([], []))
        means.append(mean)
        owns.append(own)
    assert ema.multi_avg_fn is not None
    for means, owns in together.values():
        if begun:
            ema.multi_avg_fn(means, owns, ema.n_averaged)
        else:
            torch._foreach_copy_(means, owns)
    for theirs, given in zip(ema.module.buffers(), student.buffers(), strict=True):
        theirs.copy_(given)
