"""The sums of an epoch's losses, and what lets no bad loss reach the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from kdrun.train.state import Row

ABSENT = torch.finfo(torch.float64).max
"""Stands for a term that a batch had not, where a number must stand."""


class NonFiniteLossError(ArithmeticError):
    """A loss was NaN or infinite; the weights are as they were before it."""


class Meter:
    """Sums the terms of the loss over an epoch, on their device.

    A term that joins or leaves in mid-epoch counts zero where it is not.

    Args:
        names: of all terms that any batch may have, in the order in which they are told.
        device: of the losses.
    """

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self.names = tuple(names)
        self.sums = torch.zeros(len(self.names), device=device, dtype=torch.float64)
        self.samples = 0
        self.seen: set[str] = set()
        self._places: dict[tuple[str, ...], Tensor] = {}

    def begin(self) -> None:
        """Start an epoch."""
        self.sums.zero_()
        self.samples = 0
        self.seen = set()

    def add(self, names: tuple[str, ...], values: Tensor, samples: int) -> None:
        """Add the losses of one batch: what the device does of it.

        Args:
            names: of its terms.
            values: theirs, (K,).
            samples: of the batch.
        """
        weighted = values * samples
        if names == self.names:
            self.sums += weighted
        else:
            self.sums.index_add_(0, self.places(names), weighted.double())

    def count(self, names: tuple[str, ...], samples: int) -> None:
        """Add the losses of one batch: what the host does of it."""
        self.seen.update(names)
        self.samples += samples

    def places(self, names: tuple[str, ...]) -> Tensor:
        """Where some names are among all.

        Raises:
            ValueError: one of them was not told before.
        """
        if names not in self._places:
            if unknown := [name for name in names if name not in self.names]:
                raise ValueError(
                    f"the method gave the term {unknown[0]}, which its `terms` does not name; it "
                    f"names {', '.join(self.names)}"
                )
            places = [self.names.index(name) for name in names]
            self._places[names] = torch.tensor(places, device=self.sums.device)
        return self._places[names]

    def means(self) -> Row:
        """The mean of the loss and of each term over the samples of the epoch."""
        if not self.samples:
            return {}
        means = (self.sums / self.samples).tolist()
        told = {n: mean for n, mean in zip(self.names, means, strict=True) if n in self.seen}
        return {"loss": sum(told.values()), **{f"loss_{name}": told[name] for name in told}}


class Guard(Protocol):
    """Lets no bad loss reach the weights."""

    def begin(self, epoch: int) -> None:
        """Start an epoch."""

    def see(self, names: tuple[str, ...], values: Tensor, total: Tensor) -> None:
        """Take the losses of one batch before they are followed: (K,) terms and their sum."""

    def step(self, optimizer: Optimizer) -> None:
        """Let the optimizer step, unless a loss was bad."""

    def look(self, steps: int) -> None:
        """Raise if a loss was bad; called after so many batches of the epoch, and at its end (0).

        Raises:
            NonFiniteLossError: it names term, epoch and batch.
        """


class HostGuard:
    """Looks at each loss before its step: on a CPU that costs nothing."""

    def __init__(self) -> None:
        self.epoch = self.batch = 0

    def begin(self, epoch: int) -> None:
        """Start an epoch."""
        self.epoch, self.batch = epoch, 0

    def see(self, names: tuple[str, ...], values: Tensor, total: Tensor) -> None:
        """Look at the losses of one batch."""
        self.batch += 1
        if not math.isfinite(total.item()):
            raise bad_loss(dict(zip(names, values.tolist(), strict=True)), self.epoch, self.batch)

    def step(self, optimizer: Optimizer) -> None:
        """Let the optimizer step."""
        optimizer.step()

    def look(self, steps: int) -> None:
        """Nothing is left to look at."""


class DeviceGuard:
    """Asks the device only every `interval` batches, for to ask stops its queue.

    Between, the fused optimizers skip a step whose loss was bad by themselves (`found_inf`, the
    mechanism of gradient scaling). For others it looks before each step. All that it remembers
    lies in tensors that stay where they are, so that a recorded step can write into them.

    Args:
        meter: which knows the names of all terms.
    """

    interval = 50

    def __init__(self, meter: Meter) -> None:
        self.meter, self.epoch = meter, 0
        device, count = meter.sums.device, len(meter.names)
        self.bad = torch.zeros((), device=device)
        self.batch = torch.zeros((), device=device, dtype=torch.int64)
        self.at = torch.zeros((), device=device, dtype=torch.int64)
        self.first = torch.zeros(count, device=device, dtype=torch.float64)
        self.absent = torch.full((count,), ABSENT, device=device, dtype=torch.float64)

    def begin(self, epoch: int) -> None:
        """Start an epoch."""
        self.epoch = epoch
        for tensor in (self.bad, self.batch, self.at):
            tensor.zero_()

    def see(self, names: tuple[str, ...], values: Tensor, total: Tensor) -> None:
        """Write down the losses of one batch if they are the first bad ones."""
        self.batch += 1
        fresh = ~torch.isfinite(total) & (self.bad == 0)
        self.bad += fresh
        self.at.copy_(torch.where(fresh, self.batch, self.at))
        told = values.double()
        if names != self.meter.names:
            told = self.absent.index_copy(0, self.meter.places(names), told)
        self.first.copy_(torch.where(fresh, told, self.first))

    def step(self, optimizer: Optimizer) -> None:
        """Let the optimizer step, unless a loss was bad."""
        if skips(optimizer):
            optimizer.found_inf = self.bad  # type: ignore[attr-defined]
        else:
            self.look(0)
        optimizer.step()

    def look(self, steps: int) -> None:
        """Ask the device, every `interval` batches and at the end of an epoch."""
        if steps % self.interval or not self.bad.item():
            return
        told = zip(self.meter.names, self.first.tolist(), strict=True)
        terms = {name: value for name, value in told if value != ABSENT}
        raise bad_loss(terms, self.epoch, int(self.at.item()))


def skips(optimizer: Optimizer) -> bool:
    """Whether an optimizer leaves out a step by itself whose `found_inf` is set: the fused do."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def guard_of(meter: Meter) -> Guard:
    """The guard for the device of a meter."""
    return HostGuard() if meter.sums.device.type == "cpu" else DeviceGuard(meter)


def bad_loss(terms: dict[str, float], epoch: int, batch: int) -> NonFiniteLossError:
    """What is raised when the losses of a batch are not finite.

    Args:
        terms: by name.
        epoch: from 0.
        batch: from 1.
    """
    worst = [name for name, value in terms.items() if not math.isfinite(value)]
    told = ", ".join(f"{name} = {value:.4g}" for name, value in terms.items())
    return NonFiniteLossError(
        f"loss term {' and '.join(worst) or 'sum'} is not finite in epoch {epoch + 1}, "
        f"batch {batch} ({told}); try a smaller optimizer.lr, train.grad_clip, or "
        "train.precision=fp32"
    )
