"""Curriculum temperature: the temperature is learned against the student."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, pair
from kdrun.types import Batch, Outputs


class CTKD(Loss):
    """Match softened distributions at a temperature that learns to make it harder.

        min_student max_θ  mean_n T_n² · KL(p_T(t_n) ‖ p_T(s_n)),  T_n = T₀ + R · σ(θ_n)

    Li et al., 2023. https://arxiv.org/abs/2211.16231

    The gradient of θ is reversed and multiplied by λ = (1 − cos(π min(progress / ramp, 1))) / 2,
    so that training goes from easy to hard. θ is one number for all samples, or the output of two
    layers that see the logits of student and teacher, per sample. Those are cut off from their
    graph: only the layers play against the student.

    Args:
        version: "global", one temperature, or "instance", one for each sample.
        start: T₀, the lowest temperature.
        span: R, how far the temperature reaches above it.
        ramp: the part of the training in which λ rises to one.
        hidden: width between the two layers of the instance version.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    moments = ("strength",)

    def __init__(
        self,
        version: Literal["global", "instance"] = "global",
        start: float = 1.0,
        span: float = 20.0,
        ramp: float = 10 / 240,
        hidden: int = 128,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        positive(start=start, span=span)
        if version not in ("global", "instance"):
            raise ValueError(f"version is global or instance, not {version!r}")
        self.version = version
        self.start = start
        self.span = span
        self.ramp = ramp
        self.hidden = hidden
        self.standardize = standardize

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Make the temperature: a number, or the layers that predict it."""
        s, t = pair(student, teacher)
        if self.version == "global":
            self.theta = nn.Parameter(torch.ones(1))
        else:
            width = s.shape[1] + t.shape[1]
            self.layers = nn.Sequential(
                nn.Linear(width, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 1)
            )

    def temperature(self, student: Tensor, teacher: Tensor) -> Tensor:
        """(1, 1) or (N, 1): the temperatures of a batch, whose gradient is reversed."""
        if self.version == "global":
            theta = self.theta[:, None]
        else:
            theta = self.layers(torch.cat([student.detach(), teacher], dim=1))
        return self.start + self.span * _reversed(theta, self.moment("strength")).sigmoid()

    @property
    def strength(self) -> float:
        """λ, at this moment of the training."""
        done = min(self.progress / self.ramp, 1.0) if self.ramp else 1.0
        return (1 - math.cos(math.pi * done)) / 2

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The rescaled divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        temperature = self.temperature(s, t)
        return (temperature.squeeze(1).square() * kl(s / temperature, t / temperature)).mean()


def _reversed(x: Tensor, strength: float | Tensor) -> Tensor:
    """`x` itself, whose gradient is multiplied by -strength (Ganin, Lempitsky, 2015)."""
    return x.detach() - strength * (x - x.detach())
