"""What a CUDA graph does, on a CPU: operations are written down once and repeated without Python.

Repeated are the very operations on the very tensors, so what Python computed while they were
written down, a number, a new tensor under an old name, is then as old as it would be in a graph.
Asking a tensor for a number, which a graph cannot, is an error here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from kdrun.train.capture import Names
from kdrun.train.step import Item, Step

aten = torch.ops.aten
QUESTIONS = {
    *(aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default),
    *(aten.masked_select.default, aten._unique2.default, aten.is_nonzero.default),
    *(aten.index.Tensor,),  # only if it is given a mask
}


class Tape(TorchDispatchMode):
    """Writes down what is done under it.

    Args:
        asks: whether tensors may be asked for numbers.
    """

    def __init__(self, asks: bool = False) -> None:
        super().__init__()
        self.asks = asks
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        asks = func in QUESTIONS
        if func is aten.index.Tensor:
            asks = any(i is not None and i.dtype == torch.bool for i in args[1])
        if asks and not self.asks:
            raise AssertionError(f"{func} asks the device")
        out = func(*args, **(kwargs or {}))
        # As they are shaped now: some are squeezed in place later.
        self.calls.append((func, *tree_map(_alias, (args, kwargs or {}, out))))
        return out

    @torch.no_grad()
    def repeat(self) -> None:
        """Do it all again."""
        for func, args, kwargs, out in self.calls:
            if "empty" in str(func):
                continue
            for new, old in zip(tree_leaves(func(*args, **kwargs)), tree_leaves(out), strict=True):
                if isinstance(new, Tensor) and not _same_memory(new, old):
                    old.copy_(new)


class Held(Step):
    """An eager step that, as under a tape, keeps all between results until its end.

    Gradients that nobody else holds are summed up in place, others not; the results lie otherwise
    in memory then, and some kernels round by that.
    """

    def gradients(self, items: Sequence[Item], moments: Sequence[float]) -> Names:
        with Tape(asks=True):
            return super().gradients(items, moments)


def _alias(value: Any) -> Any:
    return aten.alias(value) if isinstance(value, Tensor) else value


def _same_memory(a: Tensor, b: Tensor) -> bool:
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


class Tapes:
    """A recorder of steps, as `kdrun.train.capture.Graphs`."""

    def __init__(self) -> None:
        self.repeats = 0

    def warm(self, step: Callable[[], Names]) -> tuple[Names, str]:
        with Tape(asks=True):
            return step(), ""

    def record(self, step: Callable[[], Names]) -> tuple[Names, Callable[[], None]]:
        tape = Tape()
        with tape:
            names = step()

        def repeat() -> None:
            self.repeats += 1
            tape.repeat()

        return names, repeat
