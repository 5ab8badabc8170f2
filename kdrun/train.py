"""The one loop: it spends losses, and does not know what distillation is."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kdrun import progress
from kdrun.config import Train
from kdrun.method import Method
from kdrun.types import Loader

Row = dict[str, float | int | None]


class NonFiniteLossError(ArithmeticError):
    """A loss was NaN or infinite; the weights are as they were before it."""


@dataclass
class Training:
    """Everything that changes while a student trains, and so what a checkpoint holds.

    Attributes:
        method: student, teacher and the terms between them.
        optimizer: over the trained parameters of `method`.
        scheduler: over `optimizer`.
        ema: the moving average of the student's weights, if one is wanted.
        who: what is trained, for those who read along: `teacher resnet50`.
        epoch: how many epochs are over.
        history: a row per epoch, as in metrics.csv.
        best: the best validation accuracy so far and the student's weights then, if early
            stopping looks for them.
        together: of several processes, makes the gradients of these parameters the same in all
            before a step.
    """

    method: Method
    optimizer: Optimizer
    scheduler: LRScheduler
    ema: AveragedModel | None = None
    who: str = ""
    epoch: int = 0
    history: list[Row] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)
    together: Callable[[list[nn.Parameter]], None] | None = None

    @property
    def student(self) -> nn.Module:
        """The network that is evaluated: the averaged one if there is one."""
        return self.ema.module if self.ema is not None else self.method.student

    def state(self) -> dict[str, Any]:
        """The state as tensors and plain values. The frozen teacher is not part of it."""
        method = self.method.state_dict()
        return {
            "method": {k: v for k, v in method.items() if not k.startswith("teacher.")},
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "ema": self.ema.state_dict() if self.ema is not None else None,
            "epoch": self.epoch,
            "history": self.history,
            "best": self.best,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        missing, unexpected = self.method.load_state_dict(state["method"], strict=False)
        assert not unexpected
        assert all(name.startswith("teacher.") for name in missing)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.epoch, self.history, self.best = state["epoch"], state["history"], state["best"]

    def remember_best(self, accuracy: float) -> None:
        """Keep the student's weights if none before was as accurate on the validation split."""
        if accuracy > self.best.get("accuracy", -math.inf):
            weights = copy.deepcopy(self.student.state_dict())
            self.best = {"accuracy": accuracy, "epoch": self.epoch, "weights": weights}


def average(student: nn.Module, decay: float) -> AveragedModel:
    """A moving average of a network's weights; its buffers are copied, not averaged."""
    return AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(decay))


def mixed_seed(seed: int, epoch: int) -> int:
    """One seed for the dropout and the like of an epoch, so that a resumed one draws the same."""
    return int.from_bytes(hashlib.sha256(f"{seed},{epoch}".encode()).digest()[:8], "big") >> 1


def train(
    training: Training,
    loader: Loader,
    settings: Train,
    seed: int,
    validate: Callable[[nn.Module], Row],
    after_epoch: Callable[[Training], None],
) -> None:
    """Train until `settings.epochs` are over, or early stopping has waited long enough.

    Args:
        training: what is trained, at any epoch.
        loader: training batches, on the device of the student.
        settings: of the loop.
        seed: of whatever is drawn at random inside a step.
        validate: student → columns of metrics.csv, such as val_accuracy.
        after_epoch: called when an epoch and its row are complete; saves and reports.

    Raises:
        NonFiniteLossError: before the weights are touched, naming term, epoch and batch.
    """
    while training.epoch < settings.epochs and not _waited(training, settings.early_stop):
        torch.manual_seed(mixed_seed(seed, training.epoch))
        training.method.train()
        training.method.begin_epoch(training.epoch)
        rate = training.optimizer.param_groups[0]["lr"]
        begin = time.perf_counter()
        means = _epoch(training, loader, settings)
        seconds = time.perf_counter() - begin
        if not _per_step(training.scheduler):
            training.scheduler.step()
        training.epoch += 1
        row: Row = {"epoch": training.epoch, "learning_rate": rate, **means}
        row |= validate(training.student)
        row |= {"seconds": seconds, "samples_per_second": len(loader.targets) / seconds}
        training.history.append(row)
        score = row.get("val_r2") if row.get("val_accuracy") is None else row["val_accuracy"]
        if settings.early_stop and score is not None:
            training.remember_best(float(score))
        after_epoch(training)


def _waited(training: Training, patience: int | None) -> bool:
    return bool(patience and training.best and training.epoch - training.best["epoch"] >= patience)


def _per_step(scheduler: LRScheduler) -> bool:
    """Whether a schedule counts steps: one cycle does, torch's others count epochs."""
    return isinstance(scheduler, OneCycleLR)


def _epoch(training: Training, loader: Loader, settings: Train) -> Row:
    """One pass over the data; returns the mean of each loss term."""
    method, optimizer, scheduler = training.method, training.optimizer, training.scheduler
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    guard = Guard(training.epoch)
    batches = len(loader)
    told = training.who, training.history, settings, lambda: guard.total.item()
    seen = progress.batches(loader, *told)
    for step, batch in enumerate(seen):
        method.at(training.epoch + step / batches, settings.epochs)
        losses = method(batch)
        guard.see(losses, len(batch.target))
        # The last group of an epoch may be smaller.
        group = min(
            settings.accumulate, batches - step // settings.accumulate * settings.accumulate
        )
        (guard.total / group).backward()
        if (step + 1) % settings.accumulate and step + 1 != batches:
            continue
        if training.together is not None:
            training.together(trained)
        if settings.grad_clip:
            nn.utils.clip_grad_norm_(trained, settings.grad_clip)
        guard.step(optimizer)
        optimizer.zero_grad(set_to_none=True)
        method.after_step()
        if training.ema is not None:
            training.ema.update_parameters(method.student)
        if _per_step(scheduler):
            scheduler.step()
    return guard.means()


class Guard:
    """Sums the losses of an epoch on the device, and lets no bad one reach the weights.

    On a CPU each loss is looked at before its step. On a GPU that would stop the queue at every
    step; there the fused optimizers skip a step whose loss was bad by themselves (`found_inf`, the
    mechanism of gradient scaling), and the host looks every `interval` steps.
    """

    interval = 50

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.samples = 0
        self.steps = 0
        self.names: list[str] = []
        self.total: Tensor = torch.zeros(())
        self.sums: Tensor | None = None
        self.bad: Tensor | None = None
        self.first: Tensor | None = None

    def see(self, losses: dict[str, Tensor], samples: int) -> None:
        """Take the losses of one batch; `total` is then their sum."""
        values = torch.stack(list(losses.values()))
        self.total = values.sum()
        seen = values.detach()
        if self.sums is None or self.names != list(losses):
            self._begin(losses, seen)
        assert self.sums is not None
        self.sums += seen * samples
        self.samples += samples
        self.steps += 1
        if seen.device.type == "cpu":
            if not math.isfinite(self.total.item()):
                self._stop(self.steps, seen)
            return
        assert self.bad is not None
        assert self.first is not None
        fresh = ~torch.isfinite(self.total.detach()) & (self.bad == 0)
        self.bad += fresh
        self.first[0].copy_(torch.where(fresh, self.steps, self.first[0]))
        self.first[1:].copy_(torch.where(fresh, seen.double(), self.first[1:]))
        if self.steps % self.interval == 0:
            self._look()

    def _begin(self, losses: dict[str, Tensor], seen: Tensor) -> None:
        """A term whose weight left zero in mid-epoch starts the sums of the epoch anew."""
        self.names, self.samples = list(losses), 0
        self.sums = torch.zeros_like(seen, dtype=torch.float64)
        if self.bad is None:
            self.bad = torch.zeros((), device=seen.device)
        self.first = torch.zeros(len(seen) + 1, device=seen.device, dtype=torch.float64)

    def step(self, optimizer: Optimizer) -> None:
        """Let the optimizer step, unless a loss was bad."""
        if self.bad is not None and self.bad.device.type != "cpu":
            if getattr(optimizer, "_step_supports_amp_scaling", False):
                optimizer.found_inf = self.bad  # type: ignore[attr-defined]
            else:
                self._look()
        optimizer.step()

    def means(self) -> Row:
        """The mean of the loss and of each term over the samples of the epoch."""
        self._look()
        if self.sums is None:
            return {}
        means = (self.sums / self.samples).tolist()
        terms = {f"loss_{name}": mean for name, mean in zip(self.names, means, strict=True)}
        return {"loss": sum(means), **terms}

    def _look(self) -> None:
        if self.bad is not None and self.bad.item():
            assert self.first is not None
            self._stop(int(self.first[0].item()), self.first[1:])

    def _stop(self, step: int, values: Tensor) -> None:
        terms = dict(zip(self.names, values.tolist(), strict=True))
        worst = [name for name, value in terms.items() if not math.isfinite(value)]
        told = ", ".join(f"{name} = {value:.4g}" for name, value in terms.items())
        raise NonFiniteLossError(
            f"loss term {' and '.join(worst) or 'sum'} is not finite in epoch {self.epoch + 1}, "
            f"batch {step} ({told}); try a smaller optimizer.lr, train.grad_clip, or "
            "train.precision=fp32"
        )
