"""The layers of any network, from its input to its classifier."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from kdrun.model.features import Network


class Layer(NamedTuple):
    """Modules that are trained alike.

    Attributes:
        name: of the stage, or of the classifier.
        modules: those of it that own parameters or statistics.
    """

    name: str
    modules: list[nn.Module]

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters of these modules."""
        for module in self.modules:
            yield from module.parameters(recurse=False)

    def freeze(self, frozen: bool) -> None:
        """Train these modules or not. Batch norm that is frozen keeps its statistics too.

        It does until somebody calls `train()`, so this is called after that, in every epoch.
        """
        for parameter in self.parameters():
            parameter.requires_grad_(not frozen)
        for module in self.modules:
            if frozen and isinstance(module, _BatchNorm):
                module.eval()


def layers(network: Network) -> list[Layer]:
    """Cut a network into layers, shallow to deep.

    A layer is a stage, with all that is registered between the stage before and its own end. The
    last layer is the classifier and what follows the last stage. A network without stages has a
    layer for each module with a matrix, and the vectors after it, a norm's for example, with it.

    Args:
        network: whose modules are registered in the order in which they are used, as is the custom.
    """
    names = [name for name, _ in network.net.named_modules()]
    ends = sorted(
        max(i for i, name in enumerate(names) if _within(name, stage)) for stage in network.stages
    )
    labels = [*sorted(network.stages, key=names.index), network.head or "top"]
    found: dict[str, Layer] = {}
    current = ""
    for position, (name, module) in enumerate(network.net.named_modules()):
        own = list(module.parameters(recurse=False))
        if not own and not list(module.buffers(recurse=False)):
            continue
        if network.head and _within(name, network.head):
            current = labels[-1]
        elif network.stages:
            current = labels[bisect_left(ends, position)]
        elif not current or any(p.ndim > 1 for p in own):
            current = name
        found.setdefault(current, Layer(current, [])).modules.append(module)
    top = found.pop(labels[-1], None)  # wherever it is registered
    return [*found.values(), *([top] if top else [])]


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")
