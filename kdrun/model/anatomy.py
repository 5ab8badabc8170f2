"""What only a forward pass tells of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Point = tuple[str, str]
"""Where a tensor passes: a module's dotted name, and "input" or "output"."""


class Anatomy(NamedTuple):
    """How the stages of a network end, and what happens to the tensors that pass.

    Attributes:
        ends: by stage, the activation module whose output is the stage's output.
        overwritten: by point, whether the network changes the tensor in place afterwards. A point
            that no tensor passed is missing.
    """

    ends: dict[str, str]
    overwritten: dict[Point, bool]


def examine(
    net: nn.Module, stages: Sequence[str], head: str | None, run: Callable[[], Tensor]
) -> tuple[Anatomy, Tensor]:
    """Watch one forward pass in evaluation mode; weights, statistics and modes stay as they are.

    Args:
        net: the network.
        stages: dotted names of modules.
        head: dotted name of the classifier.
        run: calls `net`.

    Returns:
        the anatomy, and what `run` gave.
    """
    passed: dict[Point, tuple[Tensor, int]] = {}
    made: dict[int, tuple[str, Tensor]] = {}  # holds the tensors, so that no id is used twice
    ends: dict[str, str] = {}

    def enter(name: str, args: tuple[Any, ...]) -> None:
        tensor = first(args)
        if tensor is not None:
            passed[name, "input"] = tensor, tensor._version

    def leave(name: str, output: Any) -> None:
        tensor = first(output)
        if tensor is None:
            return
        passed[name, "output"] = tensor, tensor._version
        if name in activations:
            made[id(tensor)] = name, tensor
        if name in stages and id(tensor) in made:
            ends[name] = made[id(tensor)][0]

    activations = {name for name, module in net.named_modules() if _is_activation(module)}
    handles = []
    for name, module in net.named_modules():
        if name in activations or name in stages or name == head:
            handles += [
                module.register_forward_pre_hook(lambda _, args, name=name: enter(name, args)),
                module.register_forward_hook(lambda _, args, out, name=name: leave(name, out)),
            ]
    try:
        with _evaluating(net):
            output = run()
    finally:
        for handle in handles:
            handle.remove()
    changed = {point: tensor._version != then for point, (tensor, then) in passed.items()}
    return Anatomy(ends, changed), output


def first(value: Any) -> Tensor | None:
    """A tensor, or the first of several, as layers of transformers return them."""
    if isinstance(value, tuple) and value:
        value = value[0]
    return value if isinstance(value, Tensor) else None


def logits_of(said: Any) -> Tensor:
    """The logits in what a network gave: that itself, or its `logits`."""
    logits: Tensor = getattr(said, "logits", said)
    return logits


def _is_activation(module: nn.Module) -> bool:
    # torch.nn.modules.activation, timm.layers.activations, transformers.activations
    home = type(module).__module__
    return "activation" in home and not isinstance(module, nn.MultiheadAttention)


@contextmanager
def _evaluating(net: nn.Module) -> Iterator[None]:
    training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        # Tensors of the inference mode carry no version.
        with torch.inference_mode(False), torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


class Tap:
    """A hook that keeps what enters or leaves a module, or what another tap kept last."""

    def __init__(
        self,
        seen: dict[Point, Tensor],
        key: Point,
        *,
        copy: bool = False,
        source: Point | None = None,
        item: int = 0,
    ) -> None:
        self.seen, self.key, self.copy, self.source = seen, key, copy, source
        self.item = item

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Any = None) -> None:
        """As a forward hook, or a pre-hook."""
        if self.source is not None:
            self.seen[self.key] = self.seen[self.source]
            return
        passed = args if output is None else output
        tensor = first(passed[self.item :] if isinstance(passed, tuple) else passed)
        assert tensor is not None  # as it was in the examined forward pass
        self.seen[self.key] = tensor.clone() if self.copy else tensor
