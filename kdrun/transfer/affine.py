"""Affine maps, alone or after a Gaussian kernel, as the last layer of a network."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kdrun.dataset.arrays import Array
from kdrun.model.features import Network
from kdrun.model.rbf import RBF


class Affine(NamedTuple):
    """x ↦ x W + b, of rows.

    Attributes:
        weight: (D, K).
        bias: (K,).
    """

    weight: Array
    bias: Array

    def __call__(self, rows: Array) -> Array:
        """(N, D) rows to (N, K) rows."""
        return rows @ self.weight + self.bias

    def then(self, after: Affine) -> Affine:
        """This map and another one after it, as one."""
        weight = np.asarray(after.weight, np.float64)
        return Affine(self.weight @ weight, self.bias @ weight + after.bias)


class Kernel(NamedTuple):
    """x ↦ A(k(x)), where k_i(x) = exp(−γ ‖x − c_i‖²) and A is affine.

    Attributes:
        centres: (M, D).
        gamma: γ.
        after: from (N, M) to (N, K).
    """

    centres: Array
    gamma: float
    after: Affine

    def then(self, after: Affine) -> Kernel:
        """This map and an affine one after it, as one."""
        return self._replace(after=self.after.then(after))


class Scale(NamedTuple):
    """x ↦ (x − mean) / deviation, of rows; both (D,)."""

    mean: Array
    deviation: Array

    def __call__(self, rows: Array) -> Array:
        """(N, D) rows, standardised in their own precision."""
        scaled: Array = (rows - self.mean.astype(rows.dtype)) / self.deviation.astype(rows.dtype)
        return scaled

    def then(self, after: Affine) -> Affine:
        """Standardising and an affine map after it, as one."""
        weight = after.weight / self.deviation[:, None]
        return Affine(weight, after.bias - self.mean @ weight)


def head_of(network: Network) -> nn.Linear:
    """The linear classifier of a network.

    Raises:
        ValueError: it has none, or one without a bias.
    """
    head = network.net.get_submodule(network.head) if network.head else None
    if not isinstance(head, nn.Linear) or head.bias is None:
        raise ValueError(
            f"{type(network.net).__name__} does not end in a linear layer with a bias, which is "
            "what a feature mapping fits: choose student=linear, or a network that does."
        )
    return head


@torch.no_grad()
def install(student: Network, before: Scale, decision: Affine | Kernel) -> None:
    """Make a network compute `decision` of its standardised features.

    Raises:
        ValueError: it cannot: a kernel needs an RBF network with landmarks enough.
    """
    head, net = head_of(student), student.net
    if isinstance(decision, Affine):
        if isinstance(net, RBF):
            raise ValueError("student=rbf is for transfer=tca with a Gaussian kernel, see there.")
        _set(head.weight, before.then(decision).weight.T)
        _set(head.bias, before.then(decision).bias)
        return
    needed = len(decision.centres)
    if not isinstance(net, RBF) or len(net.centres) < needed:
        raise ValueError(
            f"a Gaussian kernel on {needed} samples needs student=rbf "
            f"student.model.landmarks={needed}, or fewer transfer.max_samples."
        )
    _set(net.factor, 1 / before.deviation)
    _set(net.shift, -before.mean / before.deviation)
    _set(net.log_gamma, np.log(decision.gamma))
    # Landmarks that are not needed have no say.
    _set(net.centres, np.pad(decision.centres, ((0, len(net.centres) - needed), (0, 0))))
    weight = decision.after.weight.T
    _set(head.weight, np.pad(weight, ((0, 0), (0, len(net.centres) - needed))))
    _set(head.bias, decision.after.bias)


def _set(parameter: Tensor, values: Any) -> None:
    parameter.copy_(torch.from_numpy(np.asarray(values, dtype=np.float64)))
