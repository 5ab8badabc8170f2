"""What one sample looks like, and made-up samples that look so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from kdrun.types import Input, Shape

ROWS = "x"
"""Of a dict of inputs, the key of the numbers; under all others lie whole ones, such as tokens."""

TOKEN = 7
"""A token that every vocabulary has, and that neither pads nor ends a text in any known one."""


def shape_of(inputs: Input) -> Shape:
    """The shape of each sample of some inputs."""
    if isinstance(inputs, dict):
        return {key: tuple(value.shape[1:]) for key, value in inputs.items()}
    return tuple(inputs.shape[1:])


def read_shape(given: Mapping[str, Sequence[int]] | Sequence[int]) -> Shape:
    """A shape out of JSON."""
    if isinstance(given, Mapping):
        return {key: tuple(sizes) for key, sizes in given.items()}
    return tuple(given)


def rows_shape(shape: Shape) -> tuple[int, ...]:
    """The shape of what `rows_of` gives; () where there is nothing."""
    return shape.get(ROWS, ()) if isinstance(shape, dict) else shape


def rows_of(inputs: Input) -> Tensor:
    """Images or rows of numbers: the inputs themselves, or what lies beside the tokens of texts.

    Raises:
        ValueError: there are only tokens.
    """
    if not isinstance(inputs, dict):
        return inputs
    if ROWS not in inputs:
        raise ValueError(
            f"rows of numbers are needed, and the data give only {', '.join(inputs)}: "
            "set dataset.words=true"
        )
    return inputs[ROWS]


def blank(
    shape: Shape,
    samples: int,
    device: torch.device | None = None,
    make: Callable[..., Tensor] = torch.zeros,
) -> Input:
    """Inputs of a shape, that say nothing.

    Args:
        shape: of one sample.
        samples: how many.
        device: where; None for torch's default.
        make: makes the numbers; tokens are all `TOKEN`, and none of them is masked.
    """
    if not isinstance(shape, dict):
        return make(samples, *shape, device=device)
    return {
        key: make(samples, *sizes, device=device)
        if key == ROWS
        else torch.full((samples, *sizes), 1 if key.endswith("mask") else TOKEN, device=device)
        for key, sizes in shape.items()
    }
