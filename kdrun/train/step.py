"""One step: forward, losses, backward, guard, optimizer, average."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from kdrun.config import Train
from kdrun.train.guard import Meter, guard_of
from kdrun.train.state import Row, Training
from kdrun.types import Batch


class Step:
    """What happens with the batches that lead to one step of the optimizer.

    Args:
        training: what is trained.
        settings: of the loop.
        device: of the batches.
    """

    def __init__(self, training: Training, settings: Train, device: torch.device) -> None:
        self.training, self.settings = training, settings
        self.meter = Meter(training.method.terms(), device)
        self.guard = guard_of(self.meter)
        self.trained = training.trained
        self.total = torch.zeros(())
        self.batches = 0

    def begin(self, epoch: int) -> None:
        """Start an epoch."""
        self.meter.begin()
        self.guard.begin(epoch)
        self.batches = 0

    def __call__(self, batches: Sequence[Batch], moments: Sequence[float]) -> None:
        """Step once, by the mean gradient of some batches.

        Args:
            batches: on the device.
            moments: how many epochs are over at each of them, with fractions.

        Raises:
            NonFiniteLossError: the loss of a batch was not finite; not at once on every device.
        """
        for names, batch in zip(self.carry_out(batches, moments), batches, strict=True):
            self.meter.count(names, len(batch.target))
            self.batches += 1
            self.guard.look(self.batches)
        if self.training.counts_steps:
            self.training.scheduler.step()

    def carry_out(
        self, batches: Sequence[Batch], moments: Sequence[float]
    ) -> list[tuple[str, ...]]:
        """What the device does in a step; returns the names of the terms of each batch."""
        training, told = self.training, []
        for batch, moment in zip(batches, moments, strict=True):
            training.method.at(moment, self.settings.epochs)
            losses = training.method(batch)
            names, values = tuple(losses), torch.stack(list(losses.values()))
            total = values.sum()
            self.total = total.detach()
            self.meter.add(names, values.detach(), len(batch.target))
            self.guard.see(names, values.detach(), self.total)
            (total / len(batches)).backward()
            told.append(names)
        if training.together is not None:
            training.together(self.trained)
        if self.settings.grad_clip:
            nn.utils.clip_grad_norm_(self.trained, self.settings.grad_clip)
        self.guard.step(training.optimizer)
        training.optimizer.zero_grad(set_to_none=True)
        training.method.after_step()
        if training.ema is not None:
            training.ema.update_parameters(training.method.student)
        return told

    def means(self) -> Row:
        """The mean of the loss and of each term over the epoch.

        Raises:
            NonFiniteLossError: a loss was not finite.
        """
        self.guard.look(0)
        return self.meter.means()
