"""Everything that changes while a student trains, and so what a checkpoint holds."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kdrun.method import Method
from kdrun.model.features import Student

Row = dict[str, float | int | None]

KERNELS = ("foreach", "fused", "capturable")
"""Settings of torch's optimizers that say how a step is computed, not what it is."""


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
        step: how its steps were carried out; empty before the first epoch is over.
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
    step: str = ""
    together: Callable[[list[nn.Parameter]], None] | None = None

    @property
    def student(self) -> Student:
        """The network that is evaluated: the averaged one if there is one."""
        return cast(Student, self.ema.module) if self.ema is not None else self.method.student

    @property
    def trained(self) -> list[nn.Parameter]:
        """The parameters that the optimizer moves."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    @property
    def counts_steps(self) -> bool:
        """Whether the schedule counts steps, not epochs: one that was told how many there are."""
        return hasattr(self.scheduler, "total_steps")

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
        self._load_optimizer(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.epoch, self.history, self.best = state["epoch"], state["history"], state["best"]

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        """How its steps are computed is a matter of this device, not of that of the checkpoint."""
        own = [
            {key: group[key] for key in KERNELS if key in group}
            for group in self.optimizer.param_groups
        ]
        self.optimizer.load_state_dict(state)
        for group, kernels in zip(self.optimizer.param_groups, own, strict=True):
            group.update(kernels)

    def remember_best(self, accuracy: float) -> None:
        """Keep the student's weights if none before was as accurate on the validation split."""
        if accuracy > self.best.get("accuracy", -math.inf):
            weights = copy.deepcopy(self.student.state_dict())
            self.best = {"accuracy": accuracy, "epoch": self.epoch, "weights": weights}


def average(student: nn.Module, decay: float) -> AveragedModel:
    """A moving average of a network's weights; its buffers are copied, not averaged."""
    return AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(decay))
