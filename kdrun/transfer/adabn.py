"""Adaptive batch normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kdrun.model.features import Network
from kdrun.transfer import Source, Strategy
from kdrun.transfer.start import carry_over
from kdrun.types import Loader


class AdaBN(Strategy):
    """The source's model with the target's statistics in its batch norm; nothing is trained.

        for each batch norm, first to last:
            its mean and variance ← those of its input over all of the target's training samples

    Each layer is measured after those below it have been set, so the statistics are exact: they
    depend on no batch size and no order of the samples, for one pass over the data a layer.

    Li, Wang, Shi, Liu, Hou, 2016. https://arxiv.org/abs/1603.04779
    """

    epochs = 0
    supervised = False

    def untouched(self, student: Network, source: Source, loader: Loader) -> nn.Module | None:
        """The source's own model; see `Strategy`.

        Raises:
            ValueError: there is no batch norm in the student. Told before its source is trained.
        """
        if not _norms(student):
            raise ValueError(
                f"{type(student.net).__name__} has no batch norm whose statistics could be set: "
                "choose a student that has, such as resnet8, or another transfer."
            )
        return super().untouched(student, source, loader)

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's model with the target's statistics; see `Strategy`.

        Raises:
            ValueError: there is no source, or it shares no class with the target.
        """
        if source is None:
            raise ValueError("adaptation is between two domains: set dataset.source.")
        if not bool((source.to_target >= 0).any()):
            raise ValueError(
                "source and target share no class by name: set dataset.source to one that does."
            )
        self.report = carry_over(student, source, head="keep")
        set_statistics(student, loader)
        return student


@torch.no_grad()
def set_statistics(student: nn.Module, loader: Loader) -> None:
    """Give every batch norm the mean and variance of its input over the batches of a loader."""
    student.eval()
    for norm in _in_order(student, loader):
        moments = _Moments()
        handle = norm.register_forward_pre_hook(moments)
        for batch in loader.epoch(0):
            student(batch)
        handle.remove()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(moments.mean)
        norm.running_var.copy_(moments.variance)


def _norms(student: nn.Module) -> list[_BatchNorm]:
    norms = (module for module in student.modules() if isinstance(module, _BatchNorm))
    return [norm for norm in norms if norm.running_mean is not None]


def _in_order(student: nn.Module, loader: Loader) -> list[_BatchNorm]:
    """The batch norms in the order in which a forward pass comes to them."""
    met: dict[_BatchNorm, None] = {}

    def meet(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, _BatchNorm)
        met.setdefault(norm)

    handles = [norm.register_forward_pre_hook(meet) for norm in _norms(student)]
    student(next(iter(loader.epoch(0))))
    for handle in handles:
        handle.remove()
    return list(met)


class _Moments:
    """Sums over all that comes into a module, by channel."""

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, torch.zeros(()), torch.zeros(())

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Take the (N, C, …) input of one call."""
        x = inputs[0].double().transpose(0, 1).flatten(1)
        self.count += x.shape[1]
        self.sum = self.sum.to(x) + x.sum(1)
        self.squares = self.squares.to(x) + x.square().sum(1)

    @property
    def mean(self) -> Tensor:
        """(C,)"""
        return self.sum / self.count

    @property
    def variance(self) -> Tensor:
        """(C,) over N − 1, as batch norm keeps it."""
        apart = self.squares - self.count * self.mean.square()
        return apart.clamp(min=0) / max(1, self.count - 1)
