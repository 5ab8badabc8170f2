"""A network that a file asks for, built as far as it is no larger than the file may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import nn
from torch.nn.modules import module as registration

from kdrun.security import memory

WHAT = "the network that its header asks for"

TIMES = 4
"""Some networks replace parts of themselves while they are built, and their numbers with them."""

SPARE = 2**26
"""Numbers beside: of a new classifier, say."""

PARTS = 20_000
"""Modules and tensors beside; a network of a hundred layers has some two thousand."""


@contextmanager
def as_described(path: str | Path, plugins: Sequence[str], within: bool = True) -> Iterator[None]:
    """While it lasts, a network is built as a file says: no larger than that, and whatever is wrong
    with its arguments is the file's mistake.

    Args:
        path: of weights.
        plugins: packages of the user's own, whose errors keep their traceback.
        within: whether nothing else takes memory meanwhile, such as the driver of a GPU.

    Raises:
        ValueError: it cannot be built so.
    """
    try:
        with no_larger_than(path), memory.watch(path, WHAT) if within else nullcontext():
            yield
    except ValueError:
        raise
    except Exception as error:  # of any class: the arguments are the file's
        if plugins:
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{path}: no network can be built as it says: {told:.300}") from error


@contextmanager
def no_larger_than(path: str | Path) -> Iterator[None]:
    """While it lasts, a network may be built for what is in a file, and none that is much larger.

    Numbers are counted as they are registered, before they are written: a layer of a trillion
    numbers takes no memory until then.

    Args:
        path: of weights.

    Raises:
        ValueError: a larger one is built.
    """
    tensors, numbers = _held(path)
    most, parts = TIMES * numbers + SPARE, TIMES * tensors + PARTS
    seen = [0, 0]

    def count(_module: nn.Module, _name: str, value: Any) -> None:
        seen[0] += 1
        seen[1] += value.numel() if hasattr(value, "numel") else 0
        if seen[1] > most or seen[0] > parts:
            much = f"{seen[1]:,} numbers or more" if seen[1] > most else f"over {parts:,} parts"
            raise ValueError(
                f"{path} asks for a network of {much}, and holds {numbers:,} numbers: its header "
                "is not that of its weights"
            )

    with ExitStack() as hooks:
        for register in (
            registration.register_module_parameter_registration_hook,
            registration.register_module_buffer_registration_hook,
            registration.register_module_module_registration_hook,
        ):
            hooks.callback(register(count).remove)
        yield


def _held(path: str | Path) -> tuple[int, int]:
    """How many tensors a file of weights holds, and how many numbers these."""
    with safe_open(path, framework="pt") as opened:
        shapes = [opened.get_slice(name).get_shape() for name in opened.keys()]  # noqa: SIM118
    numbers = 0
    for shape in shapes:
        product = 1
        for size in shape:
            product *= size
        numbers += product
    return len(shapes), numbers
